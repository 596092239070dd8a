"""Templates of what campaigns send, and the links in them."""

from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("crm", "0024_segments")]  # noqa: RUF012

    initial = False

    operations = []  # noqa: RUF012
