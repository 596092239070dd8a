"""Deliveries: what campaigns send, one row for each recipient, and the tries to hand each to its provider."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.contrib.postgres.indexes import BrinIndex
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


class Delivery(Model):
    """One message of a campaign to one recipient; ids and codes alone, since millions are written at a time (no foreign
    keys for the same reason).

    ``state`` goes forward by rank (``hotline.conversations.delivery``). ``lease`` is the token of who took it to be
    sent (``leased_by``, a row of ``dispatch_node``) until ``leased_until``; without the token nobody may begin a try.
    ``reason`` says why nothing was sent; ``error_code`` is the provider's word. ``facts`` holds ids of what triggered
    it. ``clicked_at`` is of people, ``scanned_at`` of programs that look where links lead. ``occurrence`` counts the
    times of a campaign that comes again.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    campaign_id = fields.UUIDField()
    manifest_id = fields.UUIDField()
    occurrence = fields.IntField(db_default=0)
    customer_id = fields.UUIDField()
    contact_point_id = fields.UUIDField(null=True)
    channel = fields.CharField(max_length=16)
    variant = fields.SmallIntField(db_default=0)
    locale = fields.CharField(max_length=16, null=True)
    state = fields.CharField(max_length=20)
    due_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    lease = fields.UUIDField(null=True)
    leased_by = fields.CharField(max_length=100, null=True)
    leased_until = fields.DatetimeField(null=True)
    attempts = fields.SmallIntField(db_default=0)
    sender_id = fields.UUIDField(null=True)
    provider_id = fields.CharField(max_length=255, null=True)
    account_sid = fields.CharField(max_length=64, null=True)
    error_code = fields.CharField(max_length=32, null=True)
    reason = fields.CharField(max_length=100, null=True)
    facts: Any = fields.JSONField(null=True)
    segments = fields.SmallIntField(null=True)
    cost_minor = fields.BigIntField(null=True)
    cost_currency = fields.CharField(max_length=3, null=True)
    released_at = fields.DatetimeField(db_default=Now())
    sent_at = fields.DatetimeField(null=True)
    delivered_at = fields.DatetimeField(null=True)
    read_at = fields.DatetimeField(null=True)
    clicked_at = fields.DatetimeField(null=True)
    scanned_at = fields.DatetimeField(null=True)
    opted_out_at = fields.DatetimeField(null=True)
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "delivery"
        unique_together = (("campaign_id", "occurrence", "customer_id"),)
        indexes = (
            Index(fields=("campaign_id", "state"), name="delivery_state"),
            WhereIndex(fields=("campaign_id", "due_at", "id"), name="delivery_due", where="state = 'queued'"),
            # No index holds the lease: a claim changes the row in place.
            WhereIndex(fields=("id",), name="delivery_sending", where="state = 'sending'"),
            WhereIndex(fields=("state", "id"), name="delivery_listed", where="state <> 'sending'"),
            WhereIndex(fields=("customer_id", "sent_at"), name="delivery_customer", where="sent_at IS NOT NULL"),
            WhereIndex(fields=("customer_id", "id"), name="delivery_unsent", where="sent_at IS NULL"),
            WhereIndex(
                fields=("account_sid", "provider_id"), name="delivery_provider", where="account_sid IS NOT NULL"
            ),
            WhereIndex(fields=("campaign_id", "updated_at", "id"), name="delivery_unknown", where="state = 'unknown'"),
            WhereIndex(fields=("reason", "id"), name="delivery_reason", where="reason IS NOT NULL"),
            WhereIndex(fields=("error_code", "id"), name="delivery_error", where="error_code IS NOT NULL"),
            # Rows lie in the order of their release, nearly that of this: a few pages tell where a time is.
            BrinIndex(fields=("due_at",), name="delivery_due_at"),
        )


class DeliveryAttempt(Model):
    """One try to hand a delivery to its provider: committed before the provider is asked. ``outcome`` None: not known,
    it runs or its process died. In monthly partitions by ``started_at``, which belongs to the primary key."""

    delivery_id = fields.UUIDField(primary_key=True, default=None)
    attempt = fields.SmallIntField()
    started_at = fields.DatetimeField()
    node = fields.CharField(max_length=100)
    sender_id = fields.UUIDField(null=True)
    ended_at = fields.DatetimeField(null=True)
    outcome = fields.CharField(max_length=32, null=True)
    error_code = fields.CharField(max_length=32, null=True)

    class Meta:
        table = "delivery_attempt"


class OutboundStop(Model):
    """One row, ``id`` 1: whether everything outbound is stopped. ``epoch`` counts the changes."""

    id = fields.IntField(primary_key=True, generated=False)
    stopped_at = fields.DatetimeField(null=True)
    user_id = fields.UUIDField(null=True)
    reason = fields.CharField(max_length=500, db_default="")
    epoch = fields.BigIntField(db_default=0)

    class Meta:
        table = "outbound_stop"


class PushRate(Model):
    """How many messages a second may leave: of a ``channel``, through a ``sender`` (its id), to a ``destination`` (a
    mail domain, a country). ``burst`` are those that may leave at once."""

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=16)
    name = fields.CharField(max_length=255)
    per_second = fields.DecimalField(max_digits=12, decimal_places=3)
    burst = fields.IntField()
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "push_rate"
        unique_together = (("kind", "name"),)


class DispatchNode(Model):
    """A process that dispatches. One that was not seen for a while is dead, and what it had begun is ``unknown``."""

    node = fields.CharField(max_length=100, primary_key=True)
    started_at = fields.DatetimeField()
    seen_at = fields.DatetimeField()

    class Meta:
        table = "dispatch_node"
