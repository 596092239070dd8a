"""Consent, preferences and clicks."""

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0027_deliveries")]  # noqa: RUF012

    initial = False

    operations = []  # noqa: RUF012
