"""Segments and the facts that they ask."""

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0023_search")]  # noqa: RUF012

    initial = False

    operations = []  # noqa: RUF012
