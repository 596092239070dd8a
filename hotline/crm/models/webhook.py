"""What Twilio told us already (``crm.commands.upkeep.claims``)."""

from __future__ import annotations

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.models import Model


class WebhookClaim(Model):
    """One outside event by its key, claimed in the transaction of its effect, and the answer that it got: sealed, since
    it may say what only the caller was to hear."""

    key = fields.CharField(max_length=200, primary_key=True)
    reply_cipher = fields.BinaryField(null=True)
    at = fields.DatetimeField(db_default=Now(), db_index=True)

    class Meta:
        table = "webhook_claim"
