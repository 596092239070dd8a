"""Callers of Twilio who wait for an agent, and the agents who ring for them."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0018_twilio_voice")]  # noqa: RUF012

    initial = False

    operations: list[Any] = []  # noqa: RUF012
