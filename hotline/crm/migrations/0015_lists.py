"""The company's own lists."""

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0014_privacy")]  # noqa: RUF012

    initial = False

    operations = []  # noqa: RUF012
