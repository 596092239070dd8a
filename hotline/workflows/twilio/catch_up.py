"""What came, and what became of ours, while nobody here listened: read from Twilio's own lists since the last look, and
taken over once. https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from hotline.channels.errors import ChannelError, PermanentlyRefused
from hotline.channels.twilio.client import TwilioClient
from hotline.channels.twilio.messages import MediaAt, joined, listed, media_of
from hotline.channels.twilio.resources import PlacedCall, SentMessage
from hotline.conversations.delivery import forward, of_twilio
from hotline.crm.commands.twilio.catch_up import (
    InDoubt,
    known_calls,
    known_states,
    listed_until,
    messages_in_doubt,
    note_listed,
)
from hotline.crm.queries.pushes.push_unknown import pushes_at
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.errors import Unavailable
from hotline.workflows.conversations.message_files import wake_fetching
from hotline.workflows.conversations.outgoing import wake_sending
from hotline.workflows.house import House
from hotline.workflows.once import once
from hotline.workflows.pushes import push_unknown
from hotline.workflows.pushes.deliveries import told
from hotline.workflows.twilio.doubtful import BEFORE_TRY, pairs
from hotline.workflows.twilio.twilio_calls import arrived, caller_progress
from hotline.workflows.twilio.twilio_messages import received_key, take

log = structlog.get_logger(__name__)

#: What is this young is left to its webhook; what is this much older than the last look is looked at once more.
YOUNG: Final = timedelta(seconds=60)
OVERLAP: Final = timedelta(minutes=10)
#: Messages of whose fate nobody knows are looked for so long.
DOUBT: Final = timedelta(days=2)
#: Most entries of one list that are taken over in one look, the oldest of them; the next look goes on with the others.
MOST: Final = 5_000
_OVER: Final = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})


async def catch_up(house: House) -> Counter[str]:
    """Take over what we lack of every account, once; how much of what, ``left`` being what the next look goes on with.
    Raises a ChannelError when one of the lists could not be read: the others were."""
    found: Counter[str] = Counter()
    client = house.twilio
    if client is None:
        return found
    refused: ChannelError | None = None
    for account in client.tokens.accounts:
        for look in (_messages, _calls):
            try:
                found += await look(house, client, account)
            except ChannelError as error:
                log.warning("catch_up.list_refused", account=account, reason=error.code, code=error.provider_code)
                refused = refused or error
    try:
        found["pushes"] += await push_unknown.resolve(house)
    except ChannelError as error:
        log.warning("catch_up.list_refused", account=client.account_sid, reason=error.code, code=error.provider_code)
        refused = refused or error
    found = +found
    if found:
        log.info("catch_up.found", **found)
    if refused is not None:
        raise refused
    return found


@contextmanager
def _alone(found: Counter[str], sid: str) -> Iterator[None]:
    """One entry that cannot be taken over does not keep the others back; who is away is waited for."""
    try:
        yield
    except (ChannelError, Unavailable):
        raise
    except Exception:
        log.exception("catch_up.entry_failed", sid=sid)
        found["failed"] += 1


async def _since(house: House, name: str) -> datetime | None:
    """From when on a list is read; None the first time: what came before hotline was there is not its own."""
    until = await listed_until(house.db, name)
    if until is None:
        await _noted(house, name, house.clock(), Counter())
        return None
    return until - OVERLAP


async def _noted(house: House, name: str, until: datetime, found: Counter[str]) -> None:
    async with house.unit(SYSTEM) as uow:
        await note_listed(uow, name, until, found)


async def _messages(house: House, client: TwilioClient, account: str) -> Counter[str]:
    name, now = f"twilio:{account}:messages", house.clock()
    since = await _since(house, name)
    found: Counter[str] = Counter()
    if since is None:
        return found
    # The newest come first, and are taken over last: STOP and START, question and answer keep their order.
    missing: deque[SentMessage] = deque(maxlen=MOST)
    left = 0
    async for page in client.message_pages(since, account_sid=account):
        known = await known_states(house.db, account, [each.sid for each in page])
        strangers = [each.sid for each in page if each.direction != "inbound" and each.sid not in known]
        pushed = await pushes_at(house.db, SYSTEM, account, strangers)
        for message in page:
            if message.direction != "inbound":
                with _alone(found, message.sid):
                    if message.sid in known:
                        found["states"] += await _state(house, message, known[message.sid])
                    elif message.sid in pushed:
                        found["pushes"] += await push_unknown.overtake(house, account, message, pushed[message.sid])
            elif message.sid not in known and message.at is not None and message.at <= now - YOUNG:
                left += len(missing) == MOST
                missing.appendleft(message)
    for message in sorted(missing, key=_written):
        with _alone(found, message.sid):
            found["messages"] += await _take(house, client, message)
    found["resolved"] += await _doubts(house, client, account, now)
    until = now if not left else max(map(_written, missing))
    await _noted(house, name, until, found)
    found["left"] += left
    return +found


async def _doubts(house: House, client: TwilioClient, account: str, now: datetime) -> int:
    """Messages of whose fate nobody knows are looked for by whom they went to: answers in TwiML whose callback never
    came among them."""
    doubtful = await messages_in_doubt(house.db, house.keyring, account, account == client.account_sid, now - DOUBT)
    places: dict[str, list[InDoubt]] = {}
    for each in doubtful:
        places.setdefault(joined(each.channel, each.to), []).append(each)
    resolved = 0
    for to, some in places.items():
        earliest = min(each.started_at for each in some) - BEFORE_TRY
        listed_as = await client.list_messages(earliest, to=to, account_sid=account)
        known = await known_states(house.db, account, [each.sid for each in listed_as])
        strangers = [each for each in listed_as if each.direction != "inbound" and each.sid not in known]
        resolved += await _resolve(house, account, some, strangers)
    return resolved


def _written(message: SentMessage) -> datetime:
    """When it was written, in whole seconds: within one of them Twilio's order counts."""
    assert message.at is not None
    return message.at


async def _take(house: House, client: TwilioClient, message: SentMessage) -> int:
    """A message that no webhook told of."""
    told_as = listed(message)
    if told_as is None:
        return 0
    if message.media:
        told_as = replace(told_as, media=await _media(client, message))
    taken = 0

    async def work(uow: UnitOfWork) -> str:
        nonlocal taken
        received = await take(house, uow, told_as, at_once=False)
        taken = 0 if received.again else 1
        return ""

    await once(house, (received_key(told_as),), work)
    if taken:
        wake_fetching(house)
        wake_sending(house)
    return taken


async def _media(client: TwilioClient, message: SentMessage) -> tuple[MediaAt, ...]:
    """The files of a message; none when Twilio has them no more: what was written is taken over without."""
    try:
        return tuple(await media_of(client, message.account_sid, message.sid))
    except PermanentlyRefused as error:
        log.warning("catch_up.files_refused", sid=message.sid, code=error.provider_code)
        return ()


async def _state(house: House, message: SentMessage, known: str | None) -> int:
    state = of_twilio(message.status)
    if state is None or known is None or forward(known, state) is None:  # type: ignore[arg-type]
        return 0
    async with house.unit(SYSTEM) as uow:
        return await told(uow, state, account=message.account_sid, provider_id=message.sid, code=message.error_code)


async def _resolve(house: House, account: str, doubtful: Sequence[InDoubt], strangers: Sequence[SentMessage]) -> int:
    """Messages that nobody knew of and Twilio has."""
    resolved = 0
    for message, listed_as in pairs(doubtful, strangers):
        state = of_twilio(listed_as.status)
        if state is None:
            continue
        async with house.unit(SYSTEM) as uow:
            resolved += await told(
                uow, state, account=account, provider_id=listed_as.sid, message_id=message.id,
                attempt=message.attempt, code=listed_as.error_code,
            )  # fmt: skip
    return resolved


async def _calls(house: House, client: TwilioClient, account: str) -> Counter[str]:
    """Callers who reached nobody while we were away: their calls are there, missed, and somebody calls them back."""
    name, now = f"twilio:{account}:calls", house.clock()
    since = await _since(house, name)
    found: Counter[str] = Counter()
    if since is None:
        return found
    missing: deque[PlacedCall] = deque(maxlen=MOST)
    left = 0
    async for page in client.call_pages(since, account_sid=account):
        over = [each for each in page if _is_missing(each) and _ended(each, now) <= now - YOUNG]
        known = await known_calls(house.db, [each.sid for each in over])
        for call in over:
            if call.sid not in known:
                left += len(missing) == MOST
                missing.appendleft(call)
    for call in sorted(missing, key=lambda each: _began(each, now)):
        began, ended = _began(call, now), _ended(call, now)
        form = {
            "CallSid": call.sid, "AccountSid": call.account_sid, "From": call.from_, "To": call.to,
            "Direction": "inbound", "CallStatus": call.status, "CallDuration": str(call.seconds or 0),
        }  # fmt: skip
        with _alone(found, call.sid):
            await arrived(house, form, began)
            await caller_progress(house, form, ended)
            found["calls"] += 1
    await _noted(house, name, now if not left else max(_began(each, now) for each in missing), found)
    found["left"] += left
    return +found


def _began(call: PlacedCall, now: datetime) -> datetime:
    return call.started_at or now


def _ended(call: PlacedCall, now: datetime) -> datetime:
    """When a call was over; of one that Twilio does not say so: now."""
    return call.ended_at or _began(call, now)


def _is_missing(call: PlacedCall) -> bool:
    """Whether a call is one that a caller made and that is over."""
    return call.direction == "inbound" and call.parent_sid is None and call.status in _OVER
