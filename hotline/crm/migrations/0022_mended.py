"""What was found to be loose in earlier tables."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0021_replies")]  # noqa: RUF012

    initial = False

    operations: list[Any] = []  # noqa: RUF012
