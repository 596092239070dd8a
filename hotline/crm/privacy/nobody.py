"""The tables that know nobody, and those that hold people in passing only; the others are in ``tables``. A test holds
them all against the models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Tables that hold pieces of files with many people, under a key of their own which is destroyed within 24 hours;
#: an erasure ends exports and refused rows at once.
PASSING: Final[Mapping[str, str]] = {
    "customer_export": "exports lie for 24 hours; an erasure ends them all",
    "customer_import": "the file and its sample are there until the import is done, 24 hours at most",
    "import_refusal": "refused rows are there for 24 hours; an erasure ends them all",
    "webhook_claim": "what a caller was told is there, sealed, for a day, so that it can be told again the same",
}

#: Tables that know no customer, with the reason. Staff are users: they are disabled, and leave.
NOBODY: Final[Mapping[str, str]] = {
    "api_token": "staff",
    "approval": "staff",
    "audit_entry": "ids and codes",
    "audit_seal": "hashes",
    "background_job": "ids, codes and counts",
    "business_calendar": "the company's",
    "call_alias": "the PBX's names of channels",
    "campaign": "the company's, with placeholders for whom it is sent to",
    "campaign_run": "counts and instants",
    "catch_up": "instants",
    "category": "the company's",
    "company_setting": "the company's",
    "custom_field": "definitions, no values",
    "delivery_attempt": "ids and codes",
    "dispatch_node": "processes",
    "erasure": "ids",
    "flow_count": "counts",
    "flow_version": "the company's",
    "handover_item": "ids",
    "idempotency_key": "ids",
    "import_mapping": "headings of files",
    "lease": "processes",
    "leg": "phones of staff",
    "list_entry": "the company's",
    "mailbox": "digests and counts",
    "macro": "the company's and staff's, with placeholders for whom they are sent to",
    "macro_version": "as the macros",
    "manifest": "as the campaigns; recipients are counted and hashed",
    "message_attempt": "ids and codes",
    "outbound_stop": "staff",
    "outbox": "ids and codes",
    "outbox_head": "a number",
    "pbx_state": "the PBX",
    "personal_key": "the keys themselves, which an erasure destroys",
    "prompt_recording": "staff's voice",
    "push_rate": "numbers; names of the company's senders and of mail domains",
    "queue_member": "phones of staff",
    "recovery_code": "staff",
    "refused_sign_in": "counts",
    "role": "staff",
    "role_grant": "staff",
    "segment": "the company's",
    "segment_version": "the company's: rules name nobody",
    "sender": "the company's own numbers and addresses",
    "sender_pause": "ids and codes",
    "session": "staff",
    "shared_key": "the installation",
    "sign_in": "staff",
    "sign_in_challenge": "staff",
    "sla_basis": "the company's",
    "sla_clock": "ids and times",
    "sla_policy": "the company's",
    "stored_pbx": "the company's",
    "tag": "words of the company",
    "team": "staff",
    "team_member": "staff",
    "ticket_view": "the company's filters",
    "tier": "the company's",
    "triage_correction": "ids and codes",
    "twilio_fetch": "ids and codes",
    "twilio_leg": "ids, codes and phones of staff",
    "twilio_waiting": "ids, codes and times",
    "users": "staff",
    "wrap_up": "ids and times",
}
