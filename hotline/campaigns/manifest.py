"""What an approval is bound to: everything that will be sent, to whom and when, as one JSON text and its SHA-256.

The text is canonical (RFC 8785: keys sorted by their UTF-16 code units, no spaces, numbers as ECMAScript writes them),
so that the same content has the same hash wherever it was read from. ``differences`` tells what is not as it was
approved: any difference voids the approval.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hotline.campaigns.consent import REACHED_BY, Channel, Purpose
from hotline.campaigns.states import Kind, Verdict, reference
from hotline.errors import Invalid

#: The layout of ``content``; another number means another meaning.
FORMAT: Final = 1
#: Integers beyond are not numbers in JavaScript any more (RFC 8785 §3.2.2.3).
_LARGEST: Final = 2**53 - 1


class NotCanonical(Invalid):
    """A number or a text in it cannot be written exactly."""

    code = "not_canonical"


def canonical(value: Any) -> bytes:
    """The canonical JSON text of ``value`` in UTF-8 (RFC 8785). Raises NotCanonical for what JSON cannot hold."""
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def digest(content: Mapping[str, Any]) -> bytes:
    """The SHA-256 of a manifest's content."""
    return hashlib.sha256(canonical(content)).digest()


def _ordered(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise NotCanonical("half a character")
        return value
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise NotCanonical(f"{value} is too large")
        return value
    if isinstance(value, float):
        if not math.isfinite(value) or (value and not 1e-6 <= abs(value) <= _LARGEST):
            raise NotCanonical(f"{value} is no plain number")
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise NotCanonical("a key that is no text")
        return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: key.encode("utf-16-be"))}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_ordered(item) for item in value]
    raise NotCanonical(f"{type(value).__name__} is no JSON")


@dataclass(frozen=True, slots=True)
class FrozenSender:
    """From which of the company's own numbers or addresses it leaves."""

    id: UUID | None
    address: str
    name: str
    account_sid: str | None = None
    service_sid: str | None = None

    def content(self) -> dict[str, Any]:
        """As the manifest holds it."""
        return {
            "id": text_of(self.id),
            "address": self.address,
            "name": self.name,
            "account_sid": self.account_sid,
            "service_sid": self.service_sid,
        }


@dataclass(frozen=True, slots=True)
class FrozenSegment:
    """Whose version was the audience's definition; ``sha256`` is of its rules and lists. The rules are frozen as text:
    they hold numbers of any size."""

    id: UUID
    version_id: UUID
    version: int
    name: str
    sha256: bytes
    rules: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FrozenArm:
    """One variant with its content in every language, as the template's version holds it."""

    variant: str
    template_id: UUID | None
    version_id: UUID
    sha256: bytes
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Frozen:
    """All that a manifest holds. ``recipients_sha256`` is over the customers alone: each is written to at the contact
    point that they had when it was frozen, of the kinds that the content names. One that is another by then, was taken
    away or has gone to somebody else gets nothing: sending only ever removes. ``authors`` are those who may never
    approve it; ``approvals`` how many are needed; ``valid_days`` how long the last of them holds."""

    campaign_id: UUID
    number: int
    name: str
    kind: Kind
    channel: Channel
    purpose: Purpose
    sender: FrozenSender | None
    fallback_senders: Sequence[FrozenSender]
    segment: FrozenSegment
    variants: Sequence[FrozenArm]
    links: Mapping[str, int]
    schedule: Mapping[str, Any]
    limits: Mapping[str, Any]
    track_links: bool
    recipients: int
    recipients_sha256: bytes
    authors: Sequence[UUID]
    approvals: int
    valid_days: int

    def content(self) -> dict[str, Any]:
        """The manifest's content as JSON values, the way it is kept and hashed."""
        sender = self.sender
        return {
            "format": FORMAT,
            "campaign": {"id": str(self.campaign_id), "number": reference(self.number)},
            "name": self.name,
            "kind": self.kind,
            "channel": self.channel,
            "purpose": self.purpose,
            "sender": None if sender is None else sender.content(),
            "fallback_senders": [each.content() for each in self.fallback_senders],
            "segment": {
                "id": str(self.segment.id), "version_id": str(self.segment.version_id),
                "version": self.segment.version, "name": self.segment.name, "sha256": self.segment.sha256.hex(),
                "rules": json.dumps(self.segment.rules, ensure_ascii=False, sort_keys=True),
            },
            "variants": [
                {"variant": arm.variant, "template_id": text_of(arm.template_id), "version_id": str(arm.version_id),
                 "sha256": arm.sha256.hex(), "content": dict(arm.content)}
                for arm in self.variants
            ],
            "links": dict(self.links),
            "schedule": dict(self.schedule),
            "limits": dict(self.limits),
            "track_links": self.track_links,
            "recipients": {
                "count": self.recipients, "sha256": self.recipients_sha256.hex(),
                "kinds": list(REACHED_BY[self.channel]),
            },
            "authors": sorted(str(each) for each in set(self.authors)),
            "approvals": self.approvals,
            "valid_days": self.valid_days,
        }  # fmt: skip


def text_of(value: UUID | None) -> str | None:
    """An id as JSON carries it."""
    return None if value is None else str(value)


def decision(approval_id: UUID, manifest_id: UUID, sha256: bytes, user_id: UUID, verdict: Verdict, reason: str,
             at: datetime) -> bytes:  # fmt: skip
    """What is signed of a decision: who said what about which hash, when and why."""
    return b"hotline approval\0" + canonical(
        [str(approval_id), str(manifest_id), sha256.hex(), str(user_id), verdict, reason,
         at.isoformat(timespec="microseconds")]
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two contents differ: ``variants.A.content.locales.en.body``."""

    path: str
    before: Any
    after: Any


#: What tells one item of a list from the others; its place in the list does not.
_NAMED_BY: Final = {"variants": "variant"}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Every place where ``after`` is not as ``before``, in the order of the paths; a missing value is None."""
    return sorted(_differences("", before, after), key=lambda each: each.path)


def _differences(path: str, before: Any, after: Any) -> Iterator[Difference]:
    key = _NAMED_BY.get(path)
    if key is not None:
        before, after = ({str(item[key]): item for item in value or ()} for value in (before, after))
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in {*before, *after}:
            yield from _differences(f"{path}.{name}" if path else name, before.get(name), after.get(name))
    elif _ordered(before) != _ordered(after) or type(before) is bool is not type(after):
        yield Difference(path, before, after)


#: What may stand otherwise now without voiding: it is of the submission itself, not of what exists meanwhile.
OF_SUBMISSION: Final = ("authors", "approvals", "valid_days", "links", "recipients", "format")


def present(content: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """What is not as it was reviewed any more. ``now`` holds the same keys for what exists at the moment, without what
    belongs to the submission alone."""
    kept = {key: value for key, value in content.items() if key not in OF_SUBMISSION}
    return differences(kept, {key: value for key, value in now.items() if key not in OF_SUBMISSION})
