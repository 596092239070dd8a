"""Teams, grants for a time, what roles demand."""

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0007_telephony")]  # noqa: RUF012

    initial = False

    operations = []  # noqa: RUF012
