"""Business calendars, SLA policies and clocks, and the company's settings."""

from tortoise import migrations
from tortoise.migrations.operations import Operation


class Migration(migrations.Migration):
    dependencies = [("crm", "0003_tickets")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = []  # noqa: RUF012
