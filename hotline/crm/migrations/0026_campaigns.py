"""Campaigns, their manifests and approvals."""

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0025_templates")]  # noqa: RUF012

    initial = False

    operations = []  # noqa: RUF012
