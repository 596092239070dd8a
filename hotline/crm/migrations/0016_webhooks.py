"""What Twilio told us once, and the company's own numbers and senders."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0015_lists")]  # noqa: RUF012

    initial = False

    operations: list[Any] = []  # noqa: RUF012
