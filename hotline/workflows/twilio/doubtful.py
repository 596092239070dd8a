"""Messages of which nobody knows whether the provider took them, among those that it lists and we do not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hotline.channels.twilio.messages import joined
from hotline.channels.twilio.resources import SentMessage
from hotline.crm.commands.twilio.catch_up import InDoubt

#: A message is looked for among those that the provider has from this long around its try.
BEFORE_TRY: Final = timedelta(seconds=30)
AFTER_TRY: Final = timedelta(minutes=15)


def pairs(doubtful: Sequence[InDoubt], strangers: Sequence[SentMessage]) -> list[tuple[InDoubt, SentMessage]]:
    """Which of ours is which of the provider's: one that fits one alone is it. The same words to the same address sent
    several times are told apart by their order, where the provider has as many as we have; fewer prove nothing."""
    rivals: dict[frozenset[str], list[InDoubt]] = {}
    for message in doubtful:
        if sids := frozenset(each.sid for each in strangers if _fits(message, each)):
            rivals.setdefault(sids, []).append(message)
    claims = Counter(sid for sids in rivals for sid in sids)
    found: list[tuple[InDoubt, SentMessage]] = []
    for sids, ours in rivals.items():
        if len(ours) == len(sids) and all(claims[sid] == 1 for sid in sids):
            theirs = sorted((each for each in strangers if each.sid in sids), key=_moment)
            found += zip(sorted(ours, key=_begun), theirs, strict=True)
    return found


def _begun(message: InDoubt) -> tuple[datetime, UUID]:
    return message.started_at, message.id


def _moment(listed: SentMessage) -> tuple[str, str]:
    return listed.at.isoformat() if listed.at is not None else "", listed.sid


def _fits(message: InDoubt, listed: SentMessage) -> bool:
    if listed.at is None or not message.started_at - BEFORE_TRY <= listed.at <= message.started_at + AFTER_TRY:
        return False
    if listed.to != joined(message.channel, message.to):
        return False
    if message.sender and listed.from_ and listed.from_ != joined(message.channel, message.sender):
        return False
    free = message.template is None or message.template.startswith("auto:")
    # Spaces and line breaks do not come back as they were sent.
    return not free or listed.body.split() == message.body.split()
