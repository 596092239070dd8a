"""Customers who are one and the same: pairs that seem so, and merges with all that it takes to undo them."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.customer import Customer
from hotline.crm.models.indexes import WhereIndex
from hotline.crm.models.user import User
from hotline.ids import new_id


class DuplicatePair(Model):
    """Two customers who may be one; ``low`` has the smaller id. ``reasons`` are codes, ``score`` is up to 100.

    A dismissed pair stays, so that nobody is asked twice.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    low: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE
    )
    high: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    score = fields.SmallIntField()
    reasons = ArrayField("text")
    state = fields.CharField(max_length=16)
    found_at = fields.DatetimeField(db_default=Now())
    dismissed_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    dismissed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "duplicate_pair"
        unique_together = (("low", "high"),)
        indexes = (WhereIndex(fields=("score", "id"), name="duplicate_pair_open", where="state = 'open'"),)


class DuplicateBlocks(Model):
    """While duplicates are looked for among all: the blocks (``customers.duplicates.block_words``, and what they share)
    that a customer is in, as keyed hashes. Emptied when the search ends. ``id`` is the customer's."""

    id = fields.UUIDField(primary_key=True)
    blocks = ArrayField("bigint")

    class Meta:
        table = "duplicate_blocks"


class DuplicateCandidate(Model):
    """Two customers of one block, who are then compared. Emptied when the search ends."""

    id = fields.BigIntField(primary_key=True)
    low_id = fields.UUIDField()
    high_id = fields.UUIDField()

    class Meta:
        table = "duplicate_candidate"
        unique_together = (("low_id", "high_id"),)


class Merge(Model):
    """``gone`` became a part of ``kept``. ``kept`` stays who it was then, even when it is merged away later: active
    merges are a tree, ``customer.merged_into`` is its root. ``moved`` counts what was moved, by kind; ``version`` is
    the one that it made of the kept customer: merges into one customer are in its order."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    kept: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE
    )
    gone: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE
    )
    by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    at = fields.DatetimeField()
    undo_until = fields.DatetimeField()
    undone_at = fields.DatetimeField(null=True)
    undone_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    moved: Any = fields.JSONField(db_default={})
    version = fields.IntField()

    class Meta:
        table = "merge"
        indexes = (
            Index(fields=("kept_id", "id"), name="merge_kept"),
            Index(fields=("gone_id", "id"), name="merge_gone"),
        )


class MergeField(Model):
    """A field of the kept customer that a merge changed, as JSON texts sealed under the kept customer's key."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    merge: fields.ForeignKeyRelation[Merge] = fields.ForeignKeyField(
        "crm.Merge", related_name=False, on_delete=fields.CASCADE
    )
    field = fields.CharField(max_length=200)
    before_cipher = fields.BinaryField()
    after_cipher = fields.BinaryField()

    class Meta:
        table = "merge_field"
        unique_together = (("merge", "field"),)


class MergeItem(Model):
    """A row that a merge moved to the kept customer, or made there as a copy of the row ``from_id``."""

    id = fields.BigIntField(primary_key=True)
    merge: fields.ForeignKeyRelation[Merge] = fields.ForeignKeyField(
        "crm.Merge", related_name=False, on_delete=fields.CASCADE
    )
    kind = fields.CharField(max_length=16)
    row_id = fields.UUIDField()
    from_id = fields.UUIDField(null=True)

    class Meta:
        table = "merge_item"
        unique_together = (("merge", "kind", "row_id"),)
        indexes = (Index(fields=("row_id", "kind"), name="merge_item_row"),)
