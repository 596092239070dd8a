"""Work in the background, duplicates, merging, batches."""

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0010_customers")]  # noqa: RUF012

    initial = False

    operations = []  # noqa: RUF012
