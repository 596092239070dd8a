"""Forgetting what has served its purpose: finished PBX commands, used idempotency keys, ended sign-ins, callers' runs
through the IVR (their calls keep what they chose) and old counts of them, contents that no campaign has any more."""

from __future__ import annotations

from datetime import datetime

from hotline.crm.unit_of_work import UnitOfWork

#: What goes when it is older than the given moment. What is not finished stays, however old.
_FORGOTTEN = {
    "commands": "DELETE FROM pbx_command WHERE finished_at < $1",
    "idempotency_keys": "DELETE FROM idempotency_key WHERE created_at < $1",
    "sessions": "DELETE FROM session WHERE expires_at < $1 OR revoked_at < $1",
    # What callers keyed in goes with its key.
    "ivr_keys": """UPDATE personal_key SET wrapped = NULL, destroyed_at = now() WHERE wrapped IS NOT NULL
                   AND id IN (SELECT key_id FROM ivr_session WHERE state = 'over' AND updated_at < $1)""",
    "ivr_sessions": "DELETE FROM ivr_session WHERE state = 'over' AND updated_at < $1",
    "twilio_fetches": "DELETE FROM twilio_fetch WHERE state <> 'due' AND done_at < $1",
    "twilio_legs": "DELETE FROM twilio_leg WHERE ended_at < $1",
    "twilio_waits": "DELETE FROM twilio_waiting WHERE left_at < $1",
    # What a campaign said before it was changed again; what was ever submitted stays, as its manifest does.
    "template_versions": """DELETE FROM template_version v WHERE v.template_id IS NULL AND v.at < $1
        AND v.id::text NOT IN (
            SELECT arm ->> 'version_id' FROM campaign, jsonb_array_elements(variants) AS arm
            WHERE arm ->> 'version_id' IS NOT NULL
            UNION ALL
            SELECT arm ->> 'version_id' FROM manifest, jsonb_array_elements(content -> 'variants') AS arm
            WHERE arm ->> 'version_id' IS NOT NULL)""",
    "flow_counts": "DELETE FROM flow_count WHERE day < $1::timestamptz - interval '1 year'",
}


async def forget_before(uow: UnitOfWork, moment: datetime) -> dict[str, int]:
    """Delete what ended before ``moment``; how many rows of each kind."""
    return {kind: int((await uow.execute(sql, moment)).split()[-1]) for kind, sql in _FORGOTTEN.items()}
