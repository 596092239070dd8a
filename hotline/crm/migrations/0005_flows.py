"""IVR flows by version, sessions of callers, and the ways that they took."""

from tortoise import migrations
from tortoise.migrations.operations import Operation


class Migration(migrations.Migration):
    dependencies = [("crm", "0004_deadlines")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = []  # noqa: RUF012
