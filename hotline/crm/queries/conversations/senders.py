"""The company's own numbers and addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, cast, get_args
from uuid import UUID

from hotline.crm.database import Reader, Row
from hotline.crm.viewer import Viewer
from hotline.errors import Forbidden, NotFound

Channel = Literal["voice", "sms", "whatsapp", "email"]
CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)

#: More numbers than a company has; the list is whole.
MOST: Final = 1_000

_COLUMNS: Final = (
    "id, channel, address, name, account_sid, provider_sid, service_sid, country, capabilities, flow, queue, position,"
    " enabled, version, (SELECT p.code FROM sender_pause p WHERE p.sender_id = sender.id"
    " AND (p.until IS NULL OR p.until > now())) AS paused"
)


@dataclass(frozen=True, slots=True)
class SenderView:
    """One sender. ``address`` is E.164 (of WhatsApp too, without its prefix), or an email address. ``paused`` is the
    provider's code for which nothing leaves through it."""

    id: UUID
    channel: Channel
    address: str
    name: str
    account_sid: str | None
    provider_sid: str | None
    service_sid: str | None
    country: str | None
    capabilities: tuple[str, ...]
    flow: str | None
    queue: str | None
    position: int
    enabled: bool
    version: int
    paused: str | None = None


async def list_senders(db: Reader, viewer: Viewer, *, channel: str | None = None) -> list[SenderView]:
    """Every sender, in their order. Raises Forbidden for who sees neither conversations nor settings."""
    _require(viewer)
    rows = await db.fetch(
        f"""SELECT {_COLUMNS} FROM sender WHERE $1::text IS NULL OR channel = $1
            ORDER BY channel, position, address LIMIT $2""",  # noqa: S608
        channel,
        MOST,
    )
    return [_view(row) for row in rows]


async def get_sender(db: Reader, viewer: Viewer, sender_id: UUID) -> SenderView:
    """One sender. Raises NotFound."""
    _require(viewer)
    row = await db.fetchrow(f"SELECT {_COLUMNS} FROM sender WHERE id = $1", sender_id)  # noqa: S608
    if row is None:
        raise NotFound()
    return _view(row)


async def find_sender(db: Reader, viewer: Viewer, channel: str, address: str) -> SenderView | None:
    """The sender that has this address, enabled or not."""
    _require(viewer)
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM sender WHERE channel = $1 AND address = $2",  # noqa: S608
        *(channel, address),
    )
    return None if row is None else _view(row)


async def default_sender(db: Reader, viewer: Viewer, channel: str, country: str | None = None) -> SenderView | None:
    """Whom to write or call from: the first enabled sender of the customer's country, else the first of all."""
    _require(viewer)
    row = await db.fetchrow(
        f"""SELECT {_COLUMNS} FROM sender WHERE channel = $1 AND enabled
            ORDER BY (country IS NOT DISTINCT FROM $2) DESC, position, address LIMIT 1""",  # noqa: S608
        channel,
        country,
    )
    return None if row is None else _view(row)


def _require(viewer: Viewer) -> None:
    if not (viewer.may("conversations.read") or viewer.may("settings.read")):
        raise Forbidden()


def _view(row: Row) -> SenderView:
    found = dict(row)
    found["capabilities"] = tuple(found["capabilities"])
    found["channel"] = cast(Channel, found["channel"])
    return SenderView(**found)
