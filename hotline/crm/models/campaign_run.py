"""The times that campaigns run: how far the release of their deliveries has come, in counts and instants."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


class CampaignRun(Model):
    """One time that an approved manifest runs. ``occurrence`` is 0 for a campaign that runs once, else the day as
    ``date.toordinal`` counts.

    ``audience_id`` is what its rows of ``recipient`` are kept under: the manifest itself, or this run where the
    audience is frozen anew. ``next_position`` is the first of the ``recipients`` that has no delivery yet. A drip is
    counted from ``base_at``, when the message at ``base_position`` was due. ``figures`` are the counts as of
    ``counted_at`` (``hotline.campaigns.figures``), ``baseline`` those from which on the rates count: the ones at the
    last pause. ``ticked_at`` is the clock of its last step, by which one that was set back is noticed.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    campaign_id = fields.UUIDField()
    manifest_id = fields.UUIDField()
    occurrence = fields.IntField(db_default=0)
    audience_id = fields.UUIDField(null=True)
    state = fields.CharField(max_length=16)
    reason = fields.CharField(max_length=32, null=True)
    planned_at = fields.DatetimeField()
    began_at = fields.DatetimeField(null=True)
    base_at = fields.DatetimeField(null=True)
    base_position = fields.IntField(db_default=0)
    recipients = fields.IntField(db_default=0)
    next_position = fields.IntField(db_default=0)
    canary_done_at = fields.DatetimeField(null=True)
    warned_at = fields.DatetimeField(null=True)
    figures: Any = fields.JSONField(db_default={})
    baseline: Any = fields.JSONField(db_default={})
    counted_at = fields.DatetimeField(null=True)
    ticked_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "campaign_run"
        unique_together = (("manifest_id", "occurrence"),)
        indexes = (
            Index(fields=("campaign_id", "planned_at"), name="campaign_run_planned"),
            WhereIndex(fields=("campaign_id", "planned_at"), name="campaign_run_open", where="ended_at IS NULL"),
        )
