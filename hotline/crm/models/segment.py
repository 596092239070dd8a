"""Segments: saved rules over customers, their versions and lists, the facts that rules ask, and audiences."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.customer import Customer
from hotline.crm.models.indexes import WhereIndex
from hotline.crm.models.user import User
from hotline.ids import new_id


class Segment(Model):
    """A named set of customers. ``version`` is the number of its current version. Archived ones are offered no more;
    campaigns that used them still name them."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=100)
    description = fields.CharField(max_length=500, db_default="")
    version = fields.IntField(db_default=1)
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    archived_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "segment"
        indexes = (WhereIndex(fields=("name",), name="segment_kept", where="archived_at IS NULL"),)


class SegmentVersion(Model):
    """What a segment said from one change to the next; never changed. ``rules`` are checked (``campaigns.rules``),
    ``sha256`` is of their canonical text and of the lists as they were. ``included`` and ``excluded`` count these."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    segment: fields.ForeignKeyRelation[Segment] = fields.ForeignKeyField(
        "crm.Segment", related_name=False, on_delete=fields.RESTRICT
    )
    number = fields.IntField()
    rules: Any = fields.JSONField()
    included = fields.IntField(db_default=0)
    excluded = fields.IntField(db_default=0)
    sha256 = fields.BinaryField()
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    at = fields.DatetimeField()

    class Meta:
        table = "segment_version"
        unique_together = (("segment", "number"),)


class SegmentMember(Model):
    """A customer on a segment's list: in (``include``) or out (``exclude``) whatever the rules say. It holds from the
    version ``added`` until before the version ``removed``."""

    id = fields.BigIntField(primary_key=True)
    segment: fields.ForeignKeyRelation[Segment] = fields.ForeignKeyField(
        "crm.Segment", related_name=False, on_delete=fields.CASCADE
    )
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    side = fields.CharField(max_length=8)
    added = fields.IntField()
    removed = fields.IntField(null=True)

    class Meta:
        table = "segment_member"
        indexes = (Index(fields=("segment_id", "side", "customer_id"), name="segment_member_list"),)


class CustomerFacts(Model):
    """What rules ask about a customer, one row each; merged and erased ones have none. Written by
    ``crm.commands.customers.customer_facts`` alone, from the records whose changes are marked in
    ``customer_facts_due``.

    ``reach`` holds a bit for each channel (``campaigns.channels.BITS``) over which there is a contact point.
    ``unblocked`` says over which there is one that no suppression holds back, ``granted`` and ``withdrawn`` what they
    agreed to and took back: for marketing, and shifted by ``SERVICE_SHIFT`` for service. ``spent`` holds minor units
    by currency, ``survey`` the last answers by question.
    """

    customer_id = fields.UUIDField(primary_key=True)
    kind = fields.CharField(max_length=16)
    locale = fields.CharField(max_length=16, null=True)
    tier_id = fields.UUIDField(null=True)
    classification = fields.CharField(max_length=64, null=True)
    responsible_id = fields.UUIDField(null=True)
    source = fields.CharField(max_length=16, null=True)
    created_at = fields.DatetimeField()
    countries = ArrayField("text", db_default=SqlDefault("'{}'::text[]"))
    tags = ArrayField("uuid", db_default=SqlDefault("'{}'::uuid[]"))
    reach = fields.IntField(db_default=0)
    unblocked = fields.IntField(db_default=0)
    granted = fields.IntField(db_default=0)
    withdrawn = fields.IntField(db_default=0)
    tickets = fields.IntField(db_default=0)
    open_tickets = fields.IntField(db_default=0)
    complaints = fields.IntField(db_default=0)
    last_ticket_at = fields.DatetimeField(null=True)
    last_resolved_at = fields.DatetimeField(null=True)
    calls = fields.IntField(db_default=0)
    last_call_at = fields.DatetimeField(null=True)
    last_message_at = fields.DatetimeField(null=True)
    last_contact_at = fields.DatetimeField(null=True)
    purchases = fields.IntField(db_default=0)
    first_purchase_at = fields.DatetimeField(null=True)
    last_purchase_at = fields.DatetimeField(null=True)
    spent: Any = fields.JSONField(null=True)
    survey: Any = fields.JSONField(null=True)
    survey_at = fields.DatetimeField(null=True)

    class Meta:
        table = "customer_facts"


class CustomerFactsDue(Model):
    """A mark that something about a customer changed and their facts are to be read anew. Triggers write it in the
    transaction of the change (``crm.facts_marks``)."""

    id = fields.BigIntField(primary_key=True)
    customer_id = fields.UUIDField()

    class Meta:
        table = "customer_facts_due"


class Recipient(Model):
    """One of the customers for whom a manifest was submitted, with the contact point that would get it; frozen.
    ``position`` counts from 0 in the order of the customers' ids, over which the manifest's SHA-256 goes. No foreign
    keys: a million rows are written at once."""

    id = fields.BigIntField(primary_key=True)
    manifest_id = fields.UUIDField()
    position = fields.IntField()
    customer_id = fields.UUIDField(db_index=True)
    contact_point_id = fields.UUIDField(null=True)

    class Meta:
        table = "recipient"
        unique_together = (("manifest_id", "position"), ("manifest_id", "customer_id"))
