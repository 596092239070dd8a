"""Conversations, their messages and files; who wants no more messages."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0016_webhooks")]  # noqa: RUF012

    initial = False

    operations: list[Any] = []  # noqa: RUF012
