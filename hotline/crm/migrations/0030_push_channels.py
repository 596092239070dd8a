"""In-app messages, Web Push and voice pushes."""

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0029_push_modes")]  # noqa: RUF012

    initial = False

    operations = []  # noqa: RUF012
