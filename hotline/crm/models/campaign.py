"""Campaigns, what was submitted of them for review, and what reviewers decided."""

from __future__ import annotations

from typing import Any, Final

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.indexes import WhereIndex
from hotline.crm.models.user import User
from hotline.ids import new_id

_AT_WORK: Final = "state IN ('in_review', 'approved', 'scheduled', 'running', 'paused')"


class Campaign(Model):
    """A campaign as its author has it now. ``number`` is what people say: P10001.

    ``variants`` is a JSON array of arms (``hotline.campaigns.draft.Arm``), ``schedule`` and ``limits`` are JSON objects
    as ``hotline.campaigns.schedule`` and ``limits`` write them. ``sender_id`` is null where the channel has none of its
    own; the ``fallback_sender_ids`` take over, in their order, when it cannot send. ``editor_ids`` are all who ever
    made or changed it: they can never approve it. ``manifest_id`` is what is in review or approved; nothing is sent
    of a campaign but what that manifest holds.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    number = fields.BigIntField(unique=True)
    name = fields.CharField(max_length=200)
    kind = fields.CharField(max_length=16)
    channel = fields.CharField(max_length=16)
    purpose = fields.CharField(max_length=16)
    sender_id = fields.UUIDField(null=True)
    fallback_sender_ids = ArrayField("uuid", db_default=SqlDefault("'{}'::uuid[]"))
    segment_id = fields.UUIDField(null=True)
    variants: Any = fields.JSONField(db_default=[])
    schedule: Any = fields.JSONField(db_default={})
    limits: Any = fields.JSONField(db_default={})
    track_links = fields.BooleanField(db_default=False)
    state = fields.CharField(max_length=16)
    state_reason = fields.CharField(max_length=64, null=True)
    state_at = fields.DatetimeField()
    state_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    manifest_id = fields.UUIDField(null=True)
    author: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    editor_ids = ArrayField("uuid", db_default=SqlDefault("'{}'::uuid[]"))
    started_at = fields.DatetimeField(null=True)
    completed_at = fields.DatetimeField(null=True)
    version = fields.IntField(db_default=1)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "campaign"
        indexes = (
            WhereIndex(fields=("state", "id"), name="campaign_at_work", where=_AT_WORK),
            Index(fields=("segment_id",), name="campaign_of_segment"),
        )


class Manifest(Model):
    """What was submitted once, and what became of it. ``number`` counts within its campaign.

    ``content`` is the whole of what is to be sent to whom and when (``hotline.campaigns.manifest``), ``sha256`` the
    hash of its canonical text: approvals are bound to it. ``recipients`` and ``excluded`` (reason → count) are of the
    frozen audience. ``needed`` approvals make it approved; after ``expires_at`` neither the review nor the approval
    holds.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    campaign: fields.ForeignKeyRelation[Campaign] = fields.ForeignKeyField(
        "crm.Campaign", related_name=False, on_delete=fields.RESTRICT
    )
    number = fields.IntField()
    content: Any = fields.JSONField(db_default={})
    sha256 = fields.BinaryField(null=True)
    recipients = fields.IntField(db_default=0)
    recipients_sha256 = fields.BinaryField(null=True)
    excluded: Any = fields.JSONField(db_default={})
    needed = fields.SmallIntField(db_default=1)
    submitted_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    submitted_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    approved_at = fields.DatetimeField(null=True)
    state = fields.CharField(max_length=16)
    state_reason = fields.CharField(max_length=64, null=True)
    state_at = fields.DatetimeField()

    class Meta:
        table = "manifest"
        unique_together = (("campaign", "number"),)
        indexes = (
            WhereIndex(fields=("expires_at",), name="manifest_expiring", where="state IN ('submitted', 'approved')"),
        )


class Approval(Model):
    """What one person decided about a manifest: ``approved``, ``rejected`` or ``withdrawn``.

    ``mac`` is the signature of the decision by the master key called ``master``: a row that somebody wrote into the
    database by hand has none.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    manifest: fields.ForeignKeyRelation[Manifest] = fields.ForeignKeyField(
        "crm.Manifest", related_name=False, on_delete=fields.RESTRICT
    )
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    verdict = fields.CharField(max_length=16)
    reason = fields.TextField(db_default="")
    at = fields.DatetimeField()
    master = fields.CharField(max_length=16)
    mac = fields.BinaryField()

    class Meta:
        table = "approval"
        unique_together = (("manifest", "user", "verdict"),)
