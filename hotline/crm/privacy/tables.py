"""The table of tables: every one that knows a person, with how their rows are found, what the report about them shows,
and what erasing them does. A test holds it against the models: a new table is in it, or among those that know nobody.

Conditions are on the alias ``x``. ``{customers}`` stands for the person's ids (theirs and those of records merged into
theirs), ``{calls}`` for their calls, ``{callers}`` for these and others' calls from a number that only they have,
``{tickets}`` for their tickets, ``{conversations}`` for their conversations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_OF_CUSTOMER: Final = "x.customer_id = ANY({customers})"
_MERGES: Final = "SELECT m.id FROM merge m WHERE m.kept_id = ANY({customers}) OR m.gone_id = ANY({customers})"
# Written while another person was taken for this one, until the merge was undone, of what the merge brought: theirs.
_ANOTHER_S: Final = """EXISTS (
    SELECT 1 FROM merge m WHERE m.kept_id = x.customer_id AND NOT m.gone_id = ANY({customers})
      AND m.undone_at IS NOT NULL AND x.at BETWEEN m.at AND m.undone_at
      AND (x.field IN ('relations', 'purchases', 'files') OR x.field IN (
          SELECT b.field FROM customer_change b
          WHERE b.customer_id = m.kept_id AND b.source = 'merge' AND b.at BETWEEN m.at AND m.undone_at)))"""
_CUSTOMER_KEY: Final = "(SELECT o.key_id FROM customer o WHERE o.id = x.customer_id)"


@dataclass(frozen=True, slots=True)
class Personal:
    """What one table knows of a person.

    ``shows`` are the report's fields: name → column or SQL expression; a name that ends in ``_cipher`` is opened by the
    key ``opened_by`` (its row's), one in ``_json`` is JSON inside. ``order`` sorts them. ``deletes`` removes the rows;
    else ``empties`` says which columns get which value. ``keys`` are columns with personal keys of the row's own, which
    are destroyed. ``part`` is the folder that the column ``path`` is in.
    """

    table: str
    rows: str
    shows: Mapping[str, str] = field(default_factory=dict)
    opened_by: str = _CUSTOMER_KEY
    order: str = "x.id"
    deletes: bool = False
    empties: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    part: str = ""
    #: Which of the rows hold another person's values and stand in nobody's report; empty: none.
    hides: str = ""
    #: The report's place of it; the same for tables that are told together.
    section: str = ""


PERSONAL: Final[tuple[Personal, ...]] = (
    # Before the contact points, by which they are found. What nobody wants any more outlives who wanted it.
    Personal(
        "suppression",
        "x.address_index IN (SELECT p.value_index FROM contact_point p WHERE p.customer_id = ANY({customers}))",
        shows={
            "at": "x.at",
            "channel": "x.channel",
            "reason": "x.reason",
            "purpose": "x.purpose",
            "source": "x.source",
            "until": "x.lifted_at",
        },
        opened_by="NULL::uuid",
        order="x.at, x.id",
        empties={"source_id": "NULL"},
    ),
    # Before the contact points, too: how mail to their addresses fared.
    Personal(
        "mail_address",
        "x.address_index IN (SELECT p.value_index FROM contact_point p WHERE p.customer_id = ANY({customers}))",
        shows={"at": "x.bounced_at", "failed_for_good": "x.hard_bounces", "failed_for_now": "x.soft_bounces"},
        opened_by="NULL::uuid",
        order="x.bounced_at, x.id",
        deletes=True,
    ),
    Personal(
        "contact_point",
        _OF_CUSTOMER,
        shows={"kind": "x.kind", "value_cipher": "x.value_cipher", "label": "x.label", "since": "x.created_at"},
        order="x.position, x.id",
        deletes=True,
    ),
    Personal(
        "address",
        _OF_CUSTOMER,
        shows={"label": "x.label", "cipher": "x.cipher", "country": "x.country", "since": "x.created_at"},
        order="x.position, x.id",
        deletes=True,
    ),
    Personal(
        "customer_tag",
        _OF_CUSTOMER,
        shows={"tag": "(SELECT g.name FROM tag g WHERE g.id = x.tag_id)"},
        deletes=True,
    ),
    Personal(
        "customer_relation",
        "(x.from_customer_id = ANY({customers}) OR x.to_customer_id = ANY({customers}))",
        shows={
            "kind": "x.kind",
            "role": "x.role",
            "weight": "x.weight",
            "note_cipher": "x.note_cipher",
            "since": "x.created_at",
            "until": "x.deleted_at",
        },
        opened_by="COALESCE(x.key_id, (SELECT o.key_id FROM customer o WHERE o.id = x.from_customer_id))",
        deletes=True,
    ),
    Personal(
        "purchase",
        _OF_CUSTOMER,
        shows={
            "at": "x.at",
            "kind": "x.kind",
            "title_cipher": "x.title_cipher",
            "reference_cipher": "x.reference_cipher",
            "quantity": "x.quantity::text",
            "amount": "x.amount",
            "currency": "x.currency",
            "state": "x.state",
            "until": "x.ends_at",
        },
        opened_by=f"COALESCE(x.key_id, {_CUSTOMER_KEY})",
        order="x.at, x.id",
        # What was sold when, and for how much, is the company's own history.
        empties={"title_cipher": "''::bytea", "reference_cipher": "NULL", "external_id": "NULL"},
        keys=("key_id",),
    ),
    Personal("consent", _OF_CUSTOMER, deletes=True),
    Personal(
        "consent_record",
        _OF_CUSTOMER,
        shows={
            "at": "x.at",
            "channel": "x.channel",
            "purpose": "x.purpose",
            "action": "x.action",
            "source": "x.source",
            "details_cipher_json": "x.sealed",
        },
        opened_by=f"COALESCE(x.key_id, {_CUSTOMER_KEY})",
        order="x.at, x.id",
        deletes=True,
        keys=("key_id",),
        section="consents",
    ),
    Personal(
        "customer_file",
        _OF_CUSTOMER,
        shows={
            "at": "x.at",
            "name_cipher": "x.name_cipher",
            "media_type": "x.media_type",
            "bytes": "x.bytes",
            "deleted": "x.deleted_at",
        },
        opened_by="x.key_id",
        order="x.at, x.id",
        deletes=True,
        keys=("key_id",),
        part="files",
    ),
    Personal(
        "customer_change",
        _OF_CUSTOMER,
        shows={
            "at": "x.at",
            "field": "x.field",
            "from_cipher_json": "x.from_cipher",
            "to_cipher_json": "x.to_cipher",
            "source": "x.source",
        },
        opened_by=f"COALESCE(x.key_id, {_CUSTOMER_KEY})",
        order="x.at, x.id",
        deletes=True,
        keys=("key_id",),
        hides=_ANOTHER_S,
    ),
    Personal(
        "duplicate_pair",
        "(x.low_id = ANY({customers}) OR x.high_id = ANY({customers}))",
        deletes=True,
    ),
    Personal("duplicate_blocks", "x.id = ANY({customers})", deletes=True),
    Personal(
        "duplicate_candidate",
        "(x.low_id = ANY({customers}) OR x.high_id = ANY({customers}))",
        deletes=True,
    ),
    Personal(
        "merge_field",
        f"x.merge_id IN ({_MERGES})",
        shows={
            "at": "(SELECT m.at FROM merge m WHERE m.id = x.merge_id)",
            "field": "x.field",
            "before_cipher_json": "x.before_cipher",
            "after_cipher_json": "x.after_cipher",
        },
        opened_by="(SELECT o.key_id FROM merge m JOIN customer o ON o.id = m.kept_id WHERE m.id = x.merge_id)",
        deletes=True,
        section="merges",
        hides="""EXISTS (SELECT 1 FROM merge m WHERE m.id = x.merge_id AND m.undone_at IS NOT NULL
            AND NOT (m.kept_id = ANY({customers}) AND m.gone_id = ANY({customers})))""",
    ),
    Personal("merge_item", f"x.merge_id IN ({_MERGES})", deletes=True),
    Personal("merge", f"x.id IN ({_MERGES})", deletes=True),
    Personal(
        "segment_member",
        _OF_CUSTOMER,
        shows={
            "name": "(SELECT g.name FROM segment g WHERE g.id = x.segment_id)",
            "kind": "x.side",
        },
        deletes=True,
    ),
    # Worked out of what is told elsewhere.
    Personal("customer_facts", _OF_CUSTOMER, order="x.customer_id", deletes=True),
    Personal("customer_facts_due", _OF_CUSTOMER, deletes=True),
    # That somebody was to get something, and what was sent, is proved by ids alone.
    Personal("recipient", _OF_CUSTOMER, empties={"contact_point_id": "NULL"}),
    Personal("batch_item", _OF_CUSTOMER, deletes=True),
    Personal("import_effect", _OF_CUSTOMER, deletes=True),
    Personal(
        "interaction",
        "(x.customer_id = ANY({customers}) OR x.call_id = ANY({calls})) AND x.kind = 'note'",
        shows={"at": "x.at", "note_cipher": "x.note_cipher"},
        opened_by=f"COALESCE(x.note_key_id, {_CUSTOMER_KEY})",
        order="x.at, x.id",
        deletes=True,
        keys=("note_key_id",),
        section="notes",
    ),
    Personal(
        "call",
        "x.id = ANY({callers})",
        shows={
            "at": "x.offered_at",
            "direction": "x.direction",
            "caller_cipher": "x.caller_cipher",
            "caller_name_cipher": "x.caller_name_cipher",
            "dialled": "x.dialled",
            "queue": "x.queue",
            "ivr": "x.ivr",
            "answered_at": "x.answered_at",
            "ended_at": "x.ended_at",
            "disposition": "x.disposition",
        },
        opened_by="x.caller_key_id",
        order="x.offered_at, x.id",
        empties={
            "caller_cipher": "NULL",
            "caller_name_cipher": "NULL",
            "caller_index": "NULL",
            "candidate_ids": "ARRAY(SELECT i FROM unnest(x.candidate_ids) AS i WHERE NOT i = ANY({customers}))",
        },
        keys=("caller_key_id",),
        section="calls",
    ),
    Personal(
        "ivr_session",
        "x.call_id = ANY({calls})",
        shows={"at": "x.started_at", "flow": "x.flow", "sealed_cipher_json": "x.sealed"},
        opened_by="x.key_id",
        order="x.started_at, x.id",
        # What callers keyed in; the ways that they took are the company's statistics.
        empties={"sealed": "NULL", "facts": "x.facts - 'customer_id'"},
        keys=("key_id",),
        section="keyed_in",
    ),
    Personal(
        "recording",
        "x.call_id = ANY({calls})",
        shows={
            "at": "x.stored_at",
            "kind": "x.kind",
            "seconds": "x.seconds",
            "bytes": "x.bytes",
            "deleted": "x.deleted_at",
            "text_cipher": "x.transcript_cipher",
        },
        opened_by="x.key_id",
        order="x.stored_at, x.id",
        empties={
            "deleted_at": "COALESCE(x.deleted_at, {now})",
            "deleted_why": "COALESCE(x.deleted_why, 'erasure')",
            "transcript_cipher": "NULL",
        },
        keys=("key_id",),
        part="recordings",
        section="recordings",
    ),
    Personal(
        "pbx_command",
        "(x.call_id = ANY({calls}) OR x.key_id IN (SELECT o.key_id FROM customer o WHERE o.id = ANY({customers})))",
        shows={"at": "x.created_at", "action": "x.action", "to_cipher": "x.to_cipher"},
        opened_by="x.key_id",
        order="x.created_at, x.id",
        empties={"to_cipher": "NULL", "error_text": "NULL"},
        keys=("key_id",),
        section="dialled",
    ),
    Personal(
        "ticket",
        "x.id = ANY({tickets})",
        shows={
            "number": "'T' || x.number",
            "kind": "x.kind",
            "state": "x.state",
            "subject_cipher": "x.subject_cipher",
            "description_cipher": "x.description_cipher",
            "category": "x.category",
            "custom": "x.custom",
            "custom_cipher_json": "x.custom_cipher",
            "at": "x.opened_at",
            "resolved_at": "x.resolved_at",
        },
        opened_by=f"COALESCE(x.key_id, {_CUSTOMER_KEY})",
        order="x.opened_at, x.id",
        # The key stays named: a ticket whose key is destroyed takes no new texts.
        empties={
            "subject_cipher": "NULL",
            "description_cipher": "NULL",
            "custom_cipher": "NULL",
            "custom": "'{{}}'::jsonb",
        },
        keys=("key_id",),
        section="tickets",
    ),
    Personal(
        "ticket_entry",
        "x.ticket_id = ANY({tickets}) AND x.note_cipher IS NOT NULL",
        shows={
            "at": "x.at",
            "ticket": "(SELECT 'T' || t.number FROM ticket t WHERE t.id = x.ticket_id)",
            "kind": "x.kind",
            "note_cipher_json": "x.note_cipher",
        },
        opened_by="(SELECT t.key_id FROM ticket t WHERE t.id = x.ticket_id)",
        order="x.at, x.id",
        empties={"note_cipher": "NULL"},
        section="ticket_texts",
    ),
    Personal(
        "message_file",
        "x.conversation_id = ANY({conversations})",
        shows={
            "at": "x.at",
            "name_cipher": "x.name_cipher",
            "media_type": "x.media_type",
            "from_cipher": "x.source_cipher",
            "bytes": "x.bytes",
            "deleted": "x.deleted_at",
        },
        opened_by="x.key_id",
        order="x.at, x.id",
        deletes=True,
        keys=("key_id",),
        part="files",
    ),
    Personal(
        "message",
        "x.conversation_id = ANY({conversations})",
        shows={
            "at": "x.at",
            "conversation": "(SELECT 'M' || v.number FROM conversation v WHERE v.id = x.conversation_id)",
            "direction": "x.direction",
            "kind": "x.kind",
            "body_cipher": "x.body_cipher",
            "html_cipher": "x.html_cipher",
            "details_cipher_json": "x.sealed",
            "state": "x.state",
        },
        opened_by="(SELECT v.key_id FROM conversation v WHERE v.id = x.conversation_id)",
        order="x.at, x.id",
        # That something was written, and when, is the company's statistics. What waits to leave, leaves no more.
        empties={
            "body_cipher": "NULL",
            "html_cipher": "NULL",
            "sealed": "NULL",
            "provider_id": "NULL",
            "state": "CASE WHEN x.state = 'queued' THEN 'suppressed' ELSE x.state END",
        },
        section="messages",
    ),
    Personal(
        "conversation",
        "x.id = ANY({conversations})",
        shows={
            "number": "'M' || x.number",
            "channel": "x.channel",
            "address_cipher": "x.address_cipher",
            "name_cipher": "x.name_cipher",
            "subject_cipher": "x.subject_cipher",
            "language": "x.language",
            "state": "x.state",
            "since": "x.created_at",
            "last_at": "x.last_at",
        },
        opened_by="x.key_id",
        order="x.created_at, x.id",
        empties={
            "address_index": "NULL",
            "address_cipher": "NULL",
            "name_cipher": "NULL",
            "subject_cipher": "NULL",
            "language": "NULL",
            "candidate_ids": "'{{}}'::uuid[]",
            "state": "'closed'",
            "closed_at": "COALESCE(x.closed_at, {now})",
            "unanswered_since": "NULL",
        },
        keys=("key_id",),
        section="conversations",
    ),
    Personal(
        "delivery",
        _OF_CUSTOMER,
        shows={
            "at": "COALESCE(x.sent_at, x.due_at)",
            "channel": "x.channel",
            "state": "x.state",
            "read_at": "x.read_at",
            "clicked_at": "x.clicked_at",
            "opted_out_at": "x.opted_out_at",
        },
        opened_by="NULL::uuid",
        order="x.due_at, x.id",
        # How many got a campaign is the company's statistics. What waits to leave, leaves no more.
        empties={
            "contact_point_id": "NULL",
            "provider_id": "NULL",
            "facts": "NULL",
            "reason": "CASE WHEN x.state = 'queued' THEN 'erased' ELSE x.reason END",
            "state": "CASE WHEN x.state = 'queued' THEN 'suppressed' ELSE x.state END",
        },
        section="campaigns",
    ),
    Personal(
        "customer",
        "x.id = ANY({customers})",
        shows={
            "number": "'C' || x.number",
            "kind": "x.kind",
            "name_cipher": "x.name_cipher",
            "language": "x.locale",
            "tier": "(SELECT t.key FROM tier t WHERE t.id = x.tier_id)",
            "classification": "x.classification",
            "preferences": "x.preferences",
            "custom": "x.custom",
            "custom_cipher_json": "x.custom_cipher",
            "since": "x.created_at",
            "changed": "x.updated_at",
        },
        opened_by="x.key_id",
        # The number, the kind and the dates stay for the statistics.
        empties={
            "name_cipher": "''::bytea",
            "search_tokens": "'{{}}'",
            "custom": "'{{}}'::jsonb",
            "custom_cipher": "NULL",
            "preferences": "'{{}}'::jsonb",
            "locale": "NULL",
            "classification": "NULL",
            "tier_id": "NULL",
            "responsible_id": "NULL",
            "erased_at": "COALESCE(x.erased_at, {now})",
            "updated_at": "{now}",
            "version": "x.version + 1",
        },
        keys=("key_id",),
        section="record",
    ),
)
