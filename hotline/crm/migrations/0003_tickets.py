"""Tickets, their categories, views and wrap-ups."""

from tortoise import migrations
from tortoise.migrations.operations import Operation


class Migration(migrations.Migration):
    dependencies = [("crm", "0002_indexes_and_partitions")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = []  # noqa: RUF012
