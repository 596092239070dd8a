"""Tickets, their history, what they are about, how lists of them are saved, and the wrap-up of a call."""

from __future__ import annotations

from typing import Any, Final

from tortoise import fields
from tortoise.fields.db_defaults import Now, SqlDefault
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.call import Call
from hotline.crm.models.customer import Customer
from hotline.crm.models.indexes import WhereIndex
from hotline.crm.models.key import PersonalKey
from hotline.crm.models.user import User
from hotline.ids import new_id

_OPEN: Final = "state IN ('new', 'open', 'waiting')"


class Ticket(Model):
    """A consultation, complaint or service request. ``number`` is what people say, shown as T10001.

    ``call`` is the call that opened it: unique, so that a call opens one ticket whatever happens. Subject,
    description and what people write into custom fields are sealed under the customer's key, else under one of the
    ticket's own; ``key`` is None while there is no text. ``due_at`` is the next deadline that still runs.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    number = fields.BigIntField(unique=True, db_default=SqlDefault("nextval('ticket_number_seq'::regclass)"))
    kind = fields.CharField(max_length=24)
    kind_by = fields.CharField(max_length=8)
    state = fields.CharField(max_length=16)
    provisional = fields.BooleanField(db_default=False)
    priority = fields.CharField(max_length=8, db_default="normal")
    subject_cipher = fields.BinaryField(null=True)
    description_cipher = fields.BinaryField(null=True)
    key: fields.ForeignKeyNullableRelation[PersonalKey] = fields.ForeignKeyField(
        "crm.PersonalKey", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    category = fields.CharField(max_length=200, null=True)
    custom: Any = fields.JSONField(db_default={})
    custom_cipher = fields.BinaryField(null=True)
    customer: fields.ForeignKeyNullableRelation[Customer] = fields.ForeignKeyField(
        "crm.Customer", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    assignee: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    assigned_by = fields.CharField(max_length=8, null=True)
    queue = fields.CharField(max_length=100, null=True)
    tier = fields.CharField(max_length=32, null=True)
    service = fields.CharField(max_length=100, null=True)
    source = fields.CharField(max_length=8)
    call: fields.ForeignKeyNullableRelation[Call] = fields.ForeignKeyField(
        "crm.Call", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    follows_id = fields.UUIDField(null=True)
    touched = fields.BooleanField(db_default=False)
    escalated = fields.IntField(db_default=0)
    first_response_due = fields.DatetimeField(null=True)
    first_response_at = fields.DatetimeField(null=True)
    resolution_due = fields.DatetimeField(null=True)
    due_at = fields.DatetimeField(null=True)
    waiting_since = fields.DatetimeField(null=True)
    resolved_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    callback_due = fields.DatetimeField(null=True)
    callback_call_id = fields.UUIDField(null=True)
    callback_done_at = fields.DatetimeField(null=True)
    disposition = fields.CharField(max_length=24, null=True)
    discarded_as = fields.CharField(max_length=16, null=True)
    opened_at = fields.DatetimeField()
    version = fields.IntField(db_default=1)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "ticket"
        unique_together = (("call",),)
        indexes = (
            WhereIndex(fields=("due_at", "id"), name="ticket_due", where=_OPEN),
            WhereIndex(fields=("assignee_id", "due_at", "id"), name="ticket_assignee", where=_OPEN),
            WhereIndex(
                fields=("callback_due", "id"),
                name="ticket_callback",
                where="callback_due IS NOT NULL AND callback_done_at IS NULL",
            ),
            WhereIndex(fields=("resolved_at", "id"), name="ticket_resolved", where="resolved_at IS NOT NULL"),
            WhereIndex(fields=("closed_at", "id"), name="ticket_closed", where="closed_at IS NOT NULL"),
            WhereIndex(fields=("assignee_id", "resolved_at"), name="ticket_done_by", where="resolved_at IS NOT NULL"),
            Index(fields=("customer_id", "created_at"), name="ticket_customer"),
            WhereIndex(fields=("customer_id", "opened_at"), name="ticket_unsettled", where=_OPEN),
            Index(fields=("updated_at", "id"), name="ticket_updated"),
            WhereIndex(fields=("due_at", "id"), name="ticket_dated", where="due_at IS NOT NULL"),
            WhereIndex(fields=("updated_at", "id"), name="ticket_waiting", where="state = 'waiting'"),
            WhereIndex(fields=("category", "id"), name="ticket_category", where="category IS NOT NULL"),
            Index(fields=("assignee_id", "customer_id"), name="ticket_owner"),
            WhereIndex(fields=("created_by_id", "customer_id"), name="ticket_maker", where="created_by_id IS NOT NULL"),
            WhereIndex(fields=("queue", "customer_id"), name="ticket_queue", where="queue IS NOT NULL"),
        )


class TicketEntry(Model):
    """One line of a ticket's history. ``data`` holds codes and ids only; words are in ``note_cipher``, under the
    ticket's key."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "crm.Ticket", related_name=False, on_delete=fields.CASCADE
    )
    at = fields.DatetimeField()
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    kind = fields.CharField(max_length=16)
    call_id = fields.UUIDField(null=True)
    data: Any = fields.JSONField(db_default={})
    note_cipher = fields.BinaryField(null=True)

    class Meta:
        table = "ticket_entry"
        indexes = (Index(fields=("ticket_id", "at", "id"), name="ticket_entry_ticket"),)


class Category(Model):
    """What tickets are about: a tree by ``slug`` paths, for example ``billing/refund``. Never deleted, since tickets
    name them: ``archived`` ones are offered no more."""

    slug = fields.CharField(max_length=200, primary_key=True)
    parent = fields.CharField(max_length=200, null=True)
    kind = fields.CharField(max_length=24, null=True)
    names: Any = fields.JSONField()
    position = fields.IntField(db_default=0)
    archived = fields.BooleanField(db_default=False)

    class Meta:
        table = "category"


class TicketView(Model):
    """A saved list of tickets: one's own, or everybody's when ``user`` is None."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.CASCADE, db_index=True
    )
    name = fields.CharField(max_length=100)
    filters: Any = fields.JSONField(db_default={})
    sort = fields.CharField(max_length=16, db_default="deadline")
    position = fields.IntField(db_default=0)
    created_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "ticket_view"


class WrapUp(Model):
    """What an agent does after a call. ``started_at`` is None while the call goes on and its disposition is kept
    already; ``pbx`` is where the agent is paused for it, None where they are not."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    call: fields.ForeignKeyRelation[Call] = fields.ForeignKeyField(
        "crm.Call", related_name=False, on_delete=fields.CASCADE
    )
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, on_delete=fields.RESTRICT
    )
    pbx = fields.CharField(max_length=64, null=True)
    started_at = fields.DatetimeField(null=True)
    until = fields.DatetimeField(null=True)
    done_at = fields.DatetimeField(null=True)
    disposition = fields.CharField(max_length=24, null=True)
    created_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "wrap_up"
        unique_together = (("call", "user"),)
        indexes = (
            WhereIndex(fields=("until",), name="wrap_up_running", where="done_at IS NULL AND started_at IS NOT NULL"),
            WhereIndex(fields=("user_id",), name="wrap_up_open", where="done_at IS NULL"),
        )
