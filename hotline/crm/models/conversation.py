"""Conversations of messages (SMS, WhatsApp, email), what was written in them, and who wants no more messages."""

from __future__ import annotations

from typing import Any, Final

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.customer import Customer
from hotline.crm.models.indexes import WhereIndex
from hotline.crm.models.key import PersonalKey
from hotline.crm.models.user import User
from hotline.ids import new_id

_OPEN: Final = "state <> 'closed'"


class Conversation(Model):
    """What one address and the company write each other over one channel. ``number`` is what people say: M10001.
    ``waiting_until`` is when one that waits comes back by itself.

    Everything that somebody wrote in it, their address and their name are sealed under ``key``, which is the
    conversation's own and stays so whoever it turns out to be with: a merge moves ids only, an erasure destroys it.
    ``candidate_ids`` are the customers who share the address, while nobody has said which of them it is.
    ``unanswered_since`` is when the customer wrote first of what nobody has answered; ``ticket_id`` the ticket it
    belongs to now; ``follows_id`` the closed conversation that it goes on from.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    number = fields.BigIntField(unique=True, db_default=SqlDefault("nextval('conversation_number_seq'::regclass)"))
    channel = fields.CharField(max_length=16)
    sender_id = fields.UUIDField(null=True)
    customer: fields.ForeignKeyNullableRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    candidate_ids = ArrayField("uuid", db_default=SqlDefault("'{}'::uuid[]"))
    key: fields.ForeignKeyRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, on_delete=fields.RESTRICT
    )
    address_index = fields.BinaryField(null=True)
    address_cipher = fields.BinaryField(null=True)
    name_cipher = fields.BinaryField(null=True)
    country = fields.CharField(max_length=2, null=True)
    language = fields.CharField(max_length=16, null=True)
    state = fields.CharField(max_length=8)
    subject_cipher = fields.BinaryField(null=True)
    assignee: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    claimed_at = fields.DatetimeField(null=True)
    queue = fields.CharField(max_length=100, null=True)
    ticket_id = fields.UUIDField(null=True)
    follows_id = fields.UUIDField(null=True)
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    last_in_at = fields.DatetimeField(null=True)
    last_out_at = fields.DatetimeField(null=True)
    last_at = fields.DatetimeField()
    unanswered_since = fields.DatetimeField(null=True)
    auto_answered_at = fields.DatetimeField(null=True)
    waiting_until = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    version = fields.IntField(db_default=1)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "conversation"
        indexes = (
            WhereIndex(
                fields=("address_index", "channel"), name="conversation_address", where="address_index IS NOT NULL"
            ),
            Index(fields=("customer_id", "last_at"), name="conversation_customer"),
            WhereIndex(fields=("ticket_id",), name="conversation_ticket", where="ticket_id IS NOT NULL"),
            Index(fields=("last_at", "id"), name="conversation_latest"),
            WhereIndex(fields=("last_at", "id"), name="conversation_open", where=_OPEN),
            WhereIndex(
                fields=("unanswered_since", "id"), name="conversation_unanswered", where="unanswered_since IS NOT NULL"
            ),
            Index(fields=("assignee_id", "last_at", "id"), name="conversation_assignee"),
            Index(fields=("assignee_id", "customer_id"), name="conversation_owner"),
            WhereIndex(fields=("queue", "customer_id"), name="conversation_queue", where="queue IS NOT NULL"),
            WhereIndex(
                fields=("created_by_id", "customer_id"), name="conversation_maker", where="created_by_id IS NOT NULL"
            ),
        )


class Message(Model):
    """One message in or out, or a note among colleagues; sealed under the conversation's key.

    ``state`` goes forward by rank (``hotline.conversations.delivery``), None for notes. ``provider_id`` is unique in
    its ``provider_account``, for email the Message-ID. ``sealed`` is a JSON object: a place, a template's variables,
    the words that decided the ticket's kind. ``send_at`` is when a queued message is due, ``leased_until`` how long
    the one who sends it has; a lease that ran out while it was sending makes it ``unknown``.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    conversation: fields.ForeignKeyRelation[Conversation] = fields.ForeignKeyField(
        "crm.Conversation", related_name=False, on_delete=fields.CASCADE
    )
    direction = fields.CharField(max_length=3)
    kind = fields.CharField(max_length=8)
    state = fields.CharField(max_length=20, null=True)
    at = fields.DatetimeField()
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    body_cipher = fields.BinaryField(null=True)
    html_cipher = fields.BinaryField(null=True)
    sealed = fields.BinaryField(null=True)
    provider_account = fields.CharField(max_length=64, null=True)
    provider_id = fields.CharField(max_length=255, null=True)
    in_reply_to = fields.UUIDField(null=True)
    template = fields.CharField(max_length=64, null=True)
    encoding = fields.CharField(max_length=8, null=True)
    segments = fields.SmallIntField(null=True)
    error_code = fields.CharField(max_length=32, null=True)
    send_at = fields.DatetimeField(null=True)
    attempts = fields.SmallIntField(db_default=0)
    leased_until = fields.DatetimeField(null=True)
    sent_at = fields.DatetimeField(null=True)
    delivered_at = fields.DatetimeField(null=True)
    read_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "message"
        unique_together = (("provider_account", "provider_id"),)
        indexes = (
            Index(fields=("conversation_id", "at", "id"), name="message_conversation"),
            WhereIndex(fields=("send_at", "id"), name="message_due", where="state = 'queued'"),
            WhereIndex(fields=("leased_until", "id"), name="message_sending", where="state = 'sending'"),
            WhereIndex(fields=("at", "id"), name="message_unknown", where="state = 'unknown'"),
        )


class MessageAttempt(Model):
    """One try to hand a message to its provider: committed before the provider is asked. ``outcome`` None: not known,
    it runs or its process died."""

    id = fields.BigIntField(primary_key=True)
    message: fields.ForeignKeyRelation[Message] = fields.ForeignKeyField(
        "crm.Message", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    attempt = fields.SmallIntField()
    node = fields.CharField(max_length=100)
    started_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    outcome = fields.CharField(max_length=20, null=True)
    error_code = fields.CharField(max_length=32, null=True)

    class Meta:
        table = "message_attempt"


class MessageFile(Model):
    """A file of a message; it, its name and its source are sealed by a key of its own. ``state``: ``waiting`` to be
    fetched from where ``source_cipher`` says, ``kept``, or ``refused`` for ``reason``. ``media_type`` is what its
    content says once it is kept, before that what its sender said. Without a message yet: ``user`` has put it beside
    the reply that they write."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    conversation: fields.ForeignKeyRelation[Conversation] = fields.ForeignKeyField(
        "crm.Conversation", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    message: fields.ForeignKeyNullableRelation[Message] = fields.ForeignKeyField(
        "crm.Message", related_name=False, null=True, on_delete=fields.CASCADE, db_index=True
    )
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    position = fields.SmallIntField(db_default=0)
    state = fields.CharField(max_length=8)
    reason = fields.CharField(max_length=16, null=True)
    key: fields.ForeignKeyRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, on_delete=fields.RESTRICT
    )
    name_cipher = fields.BinaryField(null=True)
    source_cipher = fields.BinaryField(null=True)
    media_type = fields.CharField(max_length=100)
    content_id = fields.CharField(max_length=255, null=True)
    bytes = fields.BigIntField(null=True)
    sha256 = fields.BinaryField(null=True)
    path = fields.CharField(max_length=100, unique=True, null=True)
    attempts = fields.SmallIntField(db_default=0)
    fetch_at = fields.DatetimeField(null=True)
    at = fields.DatetimeField()
    deleted_at = fields.DatetimeField(null=True)

    class Meta:
        table = "message_file"
        indexes = (WhereIndex(fields=("fetch_at", "id"), name="message_file_due", where="state = 'waiting'"),)


class Suppression(Model):
    """An address that gets nothing over a channel. One row for each ``reason`` (``opt_out``, ``invalid``, ``bounce``,
    ``complaint``, ``agent``); ``lifted_at``: it holds no more. ``purpose``: ``all``, or ``marketing`` where replies and
    notices still go. Found by the address's keyed index alone: it outlives whom it protects."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    channel = fields.CharField(max_length=16)
    address_index = fields.BinaryField()
    reason = fields.CharField(max_length=16)
    purpose = fields.CharField(max_length=16, db_default="all")
    source = fields.CharField(max_length=16)
    source_id = fields.UUIDField(null=True)
    code = fields.CharField(max_length=32, null=True)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    at = fields.DatetimeField()
    lifted_at = fields.DatetimeField(null=True)
    lifted_by = fields.CharField(max_length=16, null=True)

    class Meta:
        table = "suppression"
        unique_together = (("channel", "address_index", "reason"),)
        indexes = (Index(fields=("address_index",), name="suppression_address"),)


class SenderPause(Model):
    """A sender through which nothing leaves until an instant, for a provider's error code; ``until`` None: until a
    person lets it go on."""

    sender_id = fields.UUIDField(primary_key=True, default=None)
    code = fields.CharField(max_length=32)
    at = fields.DatetimeField()
    until = fields.DatetimeField(null=True)

    class Meta:
        table = "sender_pause"


class SenderPace(Model):
    """What is left of a sender's bucket for conversations as of ``at`` (``tokens``, None: no limit), and all that
    they ever ``spent`` of it: campaigns hold back for that."""

    sender_id = fields.UUIDField(primary_key=True, default=None)
    tokens = fields.FloatField(null=True)
    at = fields.DatetimeField()
    spent = fields.BigIntField()

    class Meta:
        table = "sender_pace"


class TriageCorrection(Model):
    """An agent gave a ticket another kind than its words were read as."""

    id = fields.BigIntField(primary_key=True)
    ticket_id = fields.UUIDField()
    message_id = fields.UUIDField(null=True)
    from_kind = fields.CharField(max_length=24)
    to_kind = fields.CharField(max_length=24)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    at = fields.DatetimeField()

    class Meta:
        table = "triage_correction"
        indexes = (Index(fields=("at", "id"), name="triage_correction_at"),)


class CatchUp(Model):
    """Until when a provider was asked for what came while nobody listened; ``name`` says of what, and whose account."""

    name = fields.CharField(max_length=100, primary_key=True)
    until = fields.DatetimeField()
    listed_at = fields.DatetimeField()
    found: Any = fields.JSONField(db_default={})

    class Meta:
        table = "catch_up"
