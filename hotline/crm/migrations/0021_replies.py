"""Replies and macros that agents use."""

from typing import Any

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0020_mail")]  # noqa: RUF012

    initial = False

    operations: list[Any] = []  # noqa: RUF012
