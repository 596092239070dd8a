"""What was loose in earlier tables: a tag has its name whatever the case, so that VIP and vip are one."""

from tortoise import migrations
from tortoise.migrations import operations as ops

# Of tags that differ in their case alone, the one that most customers have stays, and the others' customers get it.
_ONE_TAG_OF_EACH_NAME = """
CREATE TEMPORARY TABLE tag_double ON COMMIT DROP AS
SELECT id, kept FROM (
    SELECT t.id, first_value(t.id) OVER (PARTITION BY lower(t.name) ORDER BY
        (SELECT count(*) FROM customer_tag c WHERE c.tag_id = t.id) DESC, t.id) AS kept
    FROM tag t
) AS named WHERE id <> kept;
INSERT INTO customer_tag (customer_id, tag_id)
SELECT DISTINCT c.customer_id, d.kept FROM customer_tag c JOIN tag_double d ON d.id = c.tag_id
ON CONFLICT (customer_id, tag_id) DO NOTHING;
INSERT INTO merge_item (merge_id, kind, row_id, from_id)
SELECT i.merge_id, i.kind, d.kept, i.from_id FROM merge_item i JOIN tag_double d ON d.id = i.row_id
WHERE i.kind = 'tag' ON CONFLICT (merge_id, kind, row_id) DO NOTHING;
DELETE FROM merge_item i USING tag_double d WHERE i.kind = 'tag' AND i.row_id = d.id;
DELETE FROM tag t USING tag_double d WHERE t.id = d.id;
"""


class Migration(migrations.Migration):
    dependencies = [("crm", "0021_replies")]  # noqa: RUF012

    initial = False

    operations = [  # noqa: RUF012
        ops.RunSQL(_ONE_TAG_OF_EACH_NAME),
        # Tortoise has no unique index of an expression: the model tells of it in its docstring.
        ops.RunSQL("CREATE UNIQUE INDEX tag_folded_name ON tag (lower(name))"),
    ]
