"""What searches and lists need."""

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0012_imports")]  # noqa: RUF012

    initial = False

    operations = []  # noqa: RUF012
