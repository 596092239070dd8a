"""What calls, users and PBXs need more."""

from tortoise import migrations
from tortoise.migrations.operations import Operation


class Migration(migrations.Migration):
    dependencies = [("crm", "0006_recordings")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = []  # noqa: RUF012
