"""Prompts and recordings."""

from tortoise import migrations
from tortoise.migrations.operations import Operation


class Migration(migrations.Migration):
    dependencies = [("crm", "0005_flows")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = []  # noqa: RUF012
