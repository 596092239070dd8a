"""What happens to flows: files are followed, contents get versions, and the ways of callers are counted.

None of it is on a caller's path: flows are in memory (``House.flows``), and counting reads what sessions left.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

import structlog

from hotline.crm.commands.ivr import flows as commands
from hotline.crm.queries.ivr import flows as queries
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError
from hotline.ivr.flow import FlowSet
from hotline.ivr.loader import rebuild
from hotline.workflows.house import House

log = structlog.get_logger(__name__)

#: Seconds between two looks at the files; each is a few system calls.
EVERY_SECONDS: Final = 2.0
_ATTEMPTS: Final = 5
#: Most batches that one look counts, so that files are looked at in between.
_BATCHES: Final = 20


async def run(house: House) -> None:
    """Follow files, number contents and count ways until cancelled. The database may be away: flows go on, and what
    could not be written is written later."""
    away = False
    while True:
        try:
            await follow_files(house)
            await number_flows(house)
            await count_ways(house)
            away = False
        except HotlineError as error:
            if not away:
                log.warning("flows.waiting", reason=error.code)
            away = True
        await asyncio.sleep(EVERY_SECONDS)


async def follow_files(house: House) -> bool:
    """Read the files again if they changed; whether they did. What is refused is told once."""
    before = house.flows.now if house.flows.is_loaded else None
    if not await asyncio.to_thread(house.flows.load):
        return False
    now = house.flows.now
    for found in now.problems.values():
        for problem in found:
            log.warning("flows.problem", file=problem.file, line=problem.line, text=problem.text)
    for name in sorted(now.refused if before is None else now.refused - before.refused):
        log.error("flows.refused", flow=name, used=name in now.sets)
    await _tell_refused(house, sorted(now.refused))
    return True


async def _tell_refused(house: House, names: Sequence[str]) -> None:
    if not names:
        return
    problems = Counter(
        name for name in names for file, found in house.flows.problems.items() for one in found
        if not one.warning and file.rpartition("/")[2].rpartition(".")[0] == name
    )  # fmt: skip
    async with house.unit(SYSTEM) as uow:
        for name in names:
            commands.tell_refused(uow, name, problems[name])


async def number_flows(house: House) -> None:
    """Give every content in use its version; take from the database what the files lack. Raises Unavailable."""
    for name in sorted(house.flows.now.wanting):
        kept = await fetch(house, name)
        if kept is not None:
            house.flows.put_back(kept)
            log.warning("flows.put_back", flow=name, version=kept.version)
    for flows in house.flows.unnumbered():
        await number(house, flows)


async def number(house: House, flows: FlowSet) -> int:
    """The version of a content, made when it is new. Raises Unavailable."""
    for _ in range(_ATTEMPTS):
        async with house.unit(SYSTEM) as uow:
            version = await commands.number_flow(uow, flows.name, flows.digest, flows.sources)
        if version is not None:
            house.flows.numbered(flows.name, flows.digest, version)
            log.info("flows.version", flow=flows.name, version=version)
            return version
    return 0  # other nodes number contents all the time; the next look tries again


async def fetch(house: House, name: str, digest: str | None = None, *, version: int | None = None) -> FlowSet | None:
    """A flow as it was: from memory, else out of the database; the newest kept one without ``digest`` and ``version``.
    None when nobody has it, or this version of hotline cannot use it. Raises Unavailable."""
    if digest is not None and (known := house.flows.get(name, digest)) is not None:
        return known
    kept = await queries.get_sources(house.db, SYSTEM, name, digest=digest, version=version)
    if kept is None:
        return None
    number, digest, sources = kept
    found = await asyncio.to_thread(rebuild, name, sources, number, digest)
    if found is None:
        return None
    house.flows.numbered(name, digest, number)
    house.flows.remember(found)
    return found


async def count_ways(house: House) -> int:
    """Add what callers did since the last time to the counts; how many sessions that were. Raises Unavailable."""
    contents = await queries.uncounted_flows(house.db, SYSTEM)
    # Before the unit, since a content may need a number first.
    versions = {content: await _versions(house, *content) for content in contents}
    done = 0
    for _ in range(_BATCHES if contents else 0):
        async with house.unit(SYSTEM) as uow:
            sessions = await commands.uncounted(uow, contents)
            times = Counter[tuple[str, int, str, str]]()
            for session in sessions:
                known = versions[session.flow, session.digest]
                for flow, node, way in session.trail:
                    if flow in known:
                        times[flow, known[flow], node, way] += 1
            if sessions:
                await commands.count_ways(uow, sessions, times)
        done += len(sessions)
        if len(sessions) < commands.BATCH:
            break
    return done


async def _versions(house: House, name: str, digest: str) -> dict[str, int]:
    """The versions of a content's flows, by flow; none when nobody knows the content any more."""
    flows = await fetch(house, name, digest)
    if flows is None:
        return {}
    parts = {each: flows.part(each) for each in flows.flows}
    return {each: house.flows.number(part) or await number(house, part) for each, part in parts.items()}
