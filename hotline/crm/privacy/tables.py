"""The table of tables: every one that knows a person, with how their rows are found, what the report about them shows,
and what erasing them does. A test holds it against the models: a new table is in it, or among those that know nobody.

Conditions are on the alias ``x``. ``{customers}`` stands for the person's ids (theirs and those of records merged into
theirs), ``{calls}`` for their calls, ``{callers}`` for these and others' calls from a number that only they have,
``{tickets}`` for their tickets, ``{conversations}`` for their conversations.
"""

from __future__ import annotations

from typing import Final

from hotline.crm.privacy.exchanged import EXCHANGED
from hotline.crm.privacy.personal import ANOTHER_S, CUSTOMER_KEY, MERGES, OF_CUSTOMER, Personal

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
        OF_CUSTOMER,
        shows={"kind": "x.kind", "value_cipher": "x.value_cipher", "label": "x.label", "since": "x.created_at"},
        order="x.position, x.id",
        deletes=True,
    ),
    Personal(
        "address",
        OF_CUSTOMER,
        shows={"label": "x.label", "cipher": "x.cipher", "country": "x.country", "since": "x.created_at"},
        order="x.position, x.id",
        deletes=True,
    ),
    Personal(
        "customer_tag",
        OF_CUSTOMER,
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
        OF_CUSTOMER,
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
        opened_by=f"COALESCE(x.key_id, {CUSTOMER_KEY})",
        order="x.at, x.id",
        # What was sold when, and for how much, is the company's own history.
        empties={"title_cipher": "''::bytea", "reference_cipher": "NULL", "external_id": "NULL"},
        keys=("key_id",),
    ),
    Personal("consent", OF_CUSTOMER, deletes=True),
    Personal(
        "consent_record",
        OF_CUSTOMER,
        shows={
            "at": "x.at",
            "channel": "x.channel",
            "purpose": "x.purpose",
            "action": "x.action",
            "source": "x.source",
            "undone_at": "x.undone_at",
            "details_cipher_json": "x.sealed",
        },
        opened_by=f"COALESCE(x.key_id, {CUSTOMER_KEY})",
        order="x.at, x.id",
        deletes=True,
        keys=("key_id",),
        section="consents",
    ),
    Personal(
        "inapp_message",
        OF_CUSTOMER,
        shows={"at": "x.at", "text_cipher": "x.sealed", "read": "x.read_at", "until": "x.expires_at"},
        opened_by=f"COALESCE(x.key_id, {CUSTOMER_KEY})",
        order="x.at, x.id",
        deletes=True,
        keys=("key_id",),
    ),
    Personal(
        "push_subscription",
        OF_CUSTOMER,
        shows={"since": "x.created_at", "device_cipher": "x.sealed"},
        opened_by=f"COALESCE(x.key_id, {CUSTOMER_KEY})",
        order="x.created_at, x.id",
        deletes=True,
        keys=("key_id",),
    ),
    Personal(
        "customer_file",
        OF_CUSTOMER,
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
        OF_CUSTOMER,
        shows={
            "at": "x.at",
            "field": "x.field",
            "from_cipher_json": "x.from_cipher",
            "to_cipher_json": "x.to_cipher",
            "source": "x.source",
        },
        opened_by=f"COALESCE(x.key_id, {CUSTOMER_KEY})",
        order="x.at, x.id",
        deletes=True,
        keys=("key_id",),
        hides=ANOTHER_S,
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
        f"x.merge_id IN ({MERGES})",
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
    Personal("merge_item", f"x.merge_id IN ({MERGES})", deletes=True),
    Personal("merge", f"x.id IN ({MERGES})", deletes=True),
    Personal(
        "segment_member",
        OF_CUSTOMER,
        shows={
            "name": "(SELECT g.name FROM segment g WHERE g.id = x.segment_id)",
            "kind": "x.side",
        },
        deletes=True,
    ),
    # Worked out of what is told elsewhere.
    Personal("customer_facts", OF_CUSTOMER, order="x.customer_id", deletes=True),
    # That somebody was to get something, and what was sent, is proved by ids alone.
    Personal("recipient", OF_CUSTOMER, empties={"contact_point_id": "NULL"}),
    Personal("batch_item", OF_CUSTOMER, deletes=True),
    Personal("import_effect", OF_CUSTOMER, deletes=True),
    *EXCHANGED,
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
