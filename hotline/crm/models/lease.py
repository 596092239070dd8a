"""Leases: who alone may do a thing, for example read one PBX, until when."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class Lease(Model):
    """``token`` is the fencing token: it grows with every new holder, so that a holder that slept is told apart."""

    name = fields.CharField(max_length=100, primary_key=True)
    holder = fields.CharField(max_length=150)
    token = fields.BigIntField()
    until = fields.DatetimeField()

    class Meta:
        table = "lease"
