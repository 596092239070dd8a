"""Imports and exports."""

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0011_background_jobs")]  # noqa: RUF012

    initial = False

    operations = []  # noqa: RUF012
