"""Who may decide about a manifest, how many approvals it needs, and when they are enough."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from hotline.errors import Conflict, Forbidden, Invalid

LONGEST_REASON: Final = 2_000


class OwnWork(Forbidden):
    """Who wrote a campaign, its template or its segment cannot approve it."""

    code: ClassVar[str] = "own_work"


class DecidedAlready(Conflict):
    """You approved this already; another reviewer must be the next."""

    code: ClassVar[str] = "decided_already"


class OtherContent(Conflict):
    """What you looked at is not what is in review any more: look again."""

    code: ClassVar[str] = "other_content"


class NotApproved(Conflict):
    """This campaign is not approved as it is now: submit it again."""

    code: ClassVar[str] = "not_approved"


class ReasonMissing(Invalid):
    """reason: say why, so that the author knows what to change."""

    code: ClassVar[str] = "reason_missing"


def needed(channel: str, people: int, two_above: Mapping[str, int]) -> int:
    """How many approvals a push to so many ``people`` needs: two above the channel's number, 0 meaning always."""
    limit = two_above.get(channel)
    return 2 if limit is not None and people > limit else 1


def people_of(kind: str, schedule: Mapping[str, Any], frozen: int) -> int:
    """How many people one occurrence may reach at most: of what recurs or is triggered, by its own cap."""
    if kind == "triggered":
        return int(schedule.get("daily_cap") or 0)
    if kind == "recurring":
        return max(frozen, int(schedule.get("most_recipients") or 0))
    return frozen


def check_approver(user_id: UUID | None, content: Mapping[str, Any], editors: Collection[UUID],
                   approved_by: Collection[UUID]) -> UUID:  # fmt: skip
    """Whoever may approve; who this is. ``editors`` are those who ever wrote the campaign.

    Raises OwnWork for an author of anything in it, and for who is nobody (hotline itself cannot approve);
    DecidedAlready for who approved it.
    """
    if user_id is None or str(user_id) in content["authors"] or user_id in editors:
        raise OwnWork
    if user_id in approved_by:
        raise DecidedAlready
    return user_id


def enough(approved_by: Sequence[UUID], content: Mapping[str, Any]) -> bool:
    """Whether these are as many different people, none of them an author, as the manifest asks for."""
    others = {user_id for user_id in approved_by if str(user_id) not in content["authors"]}
    return len(others) >= int(content["approvals"])


def reason_of(text: str, *, required: bool = False) -> str:
    """The reason of a decision as it is kept. Raises ReasonMissing, Invalid."""
    reason = "\n".join(line.rstrip() for line in text.replace("\0", "").strip().splitlines())
    if required and not reason:
        raise ReasonMissing
    if len(reason) > LONGEST_REASON:
        raise Invalid(f"reason: at most {LONGEST_REASON} characters.")
    return reason
