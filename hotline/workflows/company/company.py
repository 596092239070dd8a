"""The company's settings: read from memory by whoever works by them, changed by whoever may."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import Final, TypeVar, cast

import structlog

from hotline.crm import company
from hotline.crm.company import SECTIONS, Section, SectionView, get_section
from hotline.crm.database import Reader
from hotline.crm.viewer import Viewer
from hotline.errors import NotFound, Unavailable
from hotline.workflows.house import House
from hotline.workflows.pushes.dispatch_gate import settle_stopped

log = structlog.get_logger(__name__)

#: Seconds after which a node that was told nothing looks whether another node changed a section.
FRESH_SECONDS: Final = 5.0

S = TypeVar("S", bound=Section)


@dataclass(slots=True)
class _Kept:
    sections: dict[str, SectionView] = field(default_factory=dict)
    read_at: float = float("-inf")
    reading: bool = False


async def get(house: House, section: type[S], db: Reader | None = None) -> S:
    """A section as it is now, at most some seconds old. Give a unit of work as ``db`` inside one.

    While the database is away it is what was last known, else the defaults.
    """
    kept: _Kept = house.kept.setdefault(_Kept, _Kept())
    # While one reads it anew, others go on with what is known: a blast's messages would all read it at once.
    if monotonic() - kept.read_at > FRESH_SECONDS and not (kept.reading and kept.sections):
        kept.reading = True
        try:
            await refresh(house, db)
        except Unavailable as error:
            if db is not None:
                raise  # the unit's transaction is broken: it must not go on as if nothing had happened
            log.warning("company.remembered", reason=error.code)
        finally:
            kept.reading = False
    view = kept.sections.get(section.section)
    return section() if view is None else cast(S, view.value)


def known(house: House, section: type[S]) -> S:
    """A section as it was last read, else its defaults: from memory alone, for who must not wait. What is older than
    ``get`` would answer is read anew, for whoever asks next."""
    kept: _Kept = house.kept.setdefault(_Kept, _Kept())
    if monotonic() - kept.read_at > FRESH_SECONDS and not kept.reading:
        kept.reading = True
        house.spawn(_read_anew(house, kept), "company")
    view = kept.sections.get(section.section)
    return section() if view is None else cast(S, view.value)


async def warm(house: House) -> None:
    """Read all sections, if the database is there: for whoever asks ``known`` afterwards."""
    kept: _Kept = house.kept.setdefault(_Kept, _Kept())
    await _read_anew(house, kept)


async def _read_anew(house: House, kept: _Kept) -> None:
    try:
        await refresh(house)
    except Unavailable as error:
        log.warning("company.remembered", reason=error.code)
        kept.read_at = monotonic()
    finally:
        kept.reading = False


async def refresh(house: House, db: Reader | None = None) -> None:
    """Read all sections anew."""
    kept: _Kept = house.kept.setdefault(_Kept, _Kept())
    kept.sections = await company.read_sections(db or house.db)
    kept.read_at = monotonic()


async def put(house: House, viewer: Viewer, value: Section, expected_version: int | None = None) -> SectionView:
    """Replace a section. Raises Forbidden, and Conflict when it is not ``expected_version`` any more."""
    viewer.require("settings.write")
    if SECTIONS.get(value.section) is not type(value):
        raise NotFound()
    async with house.unit(viewer) as uow:
        await company.write_section(uow, value, expected_version)
        view = await get_section(uow, viewer, value.section)
    await refresh(house)
    await settle_stopped(house, uow)
    return view
