"""When campaigns release their deliveries."""

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0028_consents")]  # noqa: RUF012

    initial = False

    operations = []  # noqa: RUF012
