"""Callers of Twilio between two webhooks."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0017_conversations")]  # noqa: RUF012

    initial = False

    operations: list[Any] = []  # noqa: RUF012
