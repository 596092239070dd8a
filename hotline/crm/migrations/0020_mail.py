"""Mail in and out."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0019_twilio_agents")]  # noqa: RUF012

    initial = False

    operations: list[Any] = []  # noqa: RUF012
