"""Customers in full: contacts, fields, files, purchases, relations, history."""

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0009_users")]  # noqa: RUF012

    initial = False

    operations = []  # noqa: RUF012
