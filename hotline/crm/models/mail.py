"""Mail: how addresses fared, and how far mailboxes were read."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from hotline.ids import new_id


class MailAddress(Model):
    """How mail to an address fared; found by the address's keyed index alone, whoever has it. ``hard_bounces`` count
    since the last mail that arrived from it, ``soft_bounces`` too; ``status`` is the last one's code (RFC 3463)."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    address_index = fields.BinaryField()
    hard_bounces = fields.IntField(db_default=0)
    soft_bounces = fields.IntField(db_default=0)
    bounced_at = fields.DatetimeField(null=True)
    status = fields.CharField(max_length=16, null=True)

    class Meta:
        table = "mail_address"
        unique_together = (("address_index",),)


class Mailbox(Model):
    """How far a mailbox was read (RFC 3501 2.3.1.1): ``uid`` is the last one taken in, while ``uid_validity`` holds.
    ``id`` is a digest of the mailbox's address. ``passed`` are messages that could not be taken in."""

    id = fields.CharField(max_length=64, primary_key=True)
    uid_validity = fields.BigIntField()
    uid = fields.BigIntField(db_default=0)
    passed = fields.IntField(db_default=0)
    at = fields.DatetimeField()

    class Meta:
        table = "mailbox"
