"""Senders: the company's own numbers and addresses, at which customers reach it and from which it writes."""

from __future__ import annotations

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.models import Model

from hotline.ids import new_id


class Sender(Model):
    """One number or address of one channel. ``account_sid`` is the account (or sub-account) that owns it and
    ``provider_sid`` the provider's own id for it; ``service_sid`` the messaging service that it is in. ``flow`` and
    ``queue`` are where who reaches it goes. ``position`` sorts; the first of a country is its default."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    channel = fields.CharField(max_length=16)
    address = fields.CharField(max_length=254)
    name = fields.CharField(max_length=100, db_default="")
    account_sid = fields.CharField(max_length=34, null=True)
    provider_sid = fields.CharField(max_length=64, null=True)
    service_sid = fields.CharField(max_length=34, null=True)
    country = fields.CharField(max_length=2, null=True)
    capabilities = ArrayField("text", db_default=SqlDefault("'{}'::text[]"))
    flow = fields.CharField(max_length=64, null=True)
    queue = fields.CharField(max_length=80, null=True)
    position = fields.IntField(db_default=0)
    enabled = fields.BooleanField(db_default=True)
    version = fields.IntField(db_default=1)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "sender"
        unique_together = (("channel", "address"),)
