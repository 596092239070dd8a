"""What is kept about users: profile, skills, hours, second factors, sign-ins."""

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0008_rights")]  # noqa: RUF012

    initial = False

    operations = []  # noqa: RUF012
