"""Erasure, reports, retention."""

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0013_search")]  # noqa: RUF012

    initial = False

    operations = []  # noqa: RUF012
