"""Customers by what a person types: part of a name, the last digits of a number, an email or a part of one, C10001,
#tag, and several of these at once (``wang 4711``).

Nothing is read that is not found through an index, and no more than MOST customers are compared. Each thing typed (a
part) is looked for by itself, up to MOST customers. A part that has fewer is complete: what is searched for is among
its customers, who are asked for the other parts, so that a rare word beside a common one costs what the rare one costs.
Only where every part has more are they looked for together; whoever was spoken with last is then among the candidates.
These are ranked: how well they fit, when they were last in contact, their tier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Final
from uuid import UUID
from weakref import WeakKeyDictionary

from hotline.crm.database import Database, Reader, Row
from hotline.crm.keys import Keyring, PersonalKey
from hotline.crm.queries.customer_filter import CustomerFilter, conditions
from hotline.crm.queries.customer_views import SELECT, CustomerView, customer_name, customer_view, personal_key
from hotline.crm.queries.search_ways import BY_NAME, Ways
from hotline.crm.scopes import Arguments, Bind, customers_of
from hotline.crm.viewer import Viewer
from hotline.customers import email_words, names
from hotline.customers.search_text import Part, parse, without_tag

#: Customers who are compared.
MOST: Final = 500
#: Of these, where more fit: who searches for so much will type more.
MOST_OF_MANY: Final = 250
#: Customers of a part who are asked for what else must hold, where that is not through an index.
MOST_ASKED: Final = 8_000
#: Customers of a viewer who does not see all: up to so many, the search is among them alone.
MOST_SEEN: Final = 20_000
#: More than these are kept for some seconds, since whoever types searches after each letter. What is found is asked
#: again before it is told: who may not see somebody any more is not told of them.
FEW_SEEN: Final = 1_000
KEPT_SECONDS: Final = 20.0
MOST_KEPT: Final = 50
#: The latest lines of all timelines: whoever they are about is preferred where too many fit, up to MOST_RECENT.
LATEST: Final = 1_500
MOST_RECENT: Final = 150

#: The rank of whoever was found by another part, by the kind of this one; how well a number or email fits is not read.
_UNKNOWN: Final = {"name": BY_NAME, "tag": names.SAME}
#: In which order parts are looked for: a name may be common, and looking for it costs most.
_RAREST_FIRST: Final = ("reference", "number", "email", "word", "tag", "name")
_KEPT: Final[WeakKeyDictionary[Database, dict[Viewer, tuple[float, list[UUID]]]]] = WeakKeyDictionary()
_NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Found:
    """The customers of a part with their ranks; ``complete``: there are no others."""

    part: Part
    ranks: dict[UUID, int]
    complete: bool


@dataclass(frozen=True, slots=True)
class _Search:
    keyring: Keyring
    viewer: Viewer
    chosen: CustomerFilter
    region: str
    #: Ids of all whom a viewer sees who does not see all, when these are few.
    seen: Sequence[UUID] | None
    tags: dict[str, UUID] = field(default_factory=dict)

    def ways(self, bind: Bind) -> Ways:
        return Ways(self.keyring, self.viewer.masks, self.region, self.tags, bind)

    def asked(self, bind: Bind) -> str:
        """What the filter and the scope ask of ``customer c``."""
        if self.seen is None:
            return " AND ".join(conditions(self.chosen, self.viewer, bind, each=True))
        known = f"c.id = ANY({bind(list(self.seen))}::uuid[])"
        return " AND ".join([known, *conditions(self.chosen, self.viewer, bind, scope=False)])

    @property
    def most_asked(self) -> int | None:
        """How many of a part's customers are asked; None where nothing but the text narrows them."""
        everybody = self.chosen.empty and self.viewer.scope_of("customers") == "all"
        return None if everybody else MOST_ASKED


async def search_customers(
    db: Database,
    keyring: Keyring,
    viewer: Viewer,
    text: str,
    *,
    region: str,
    limit: int,
    after: int = 0,
    chosen: CustomerFilter | None = None,
) -> list[CustomerView]:
    """The best customers for ``text``, from place ``after`` on; nobody for a text that holds nothing to search by.

    Raises Invalid for a text that is too long.
    """
    ids = await found_ids(db, keyring, viewer, text, chosen, region=region)
    return await read_customers(db, keyring, viewer, ids[after : after + max(0, limit)])


async def read_customers(db: Reader, keyring: Keyring, viewer: Viewer, ids: Sequence[UUID]) -> list[CustomerView]:
    """The customers of these ids whom the viewer sees, in this order."""
    if not ids:
        return []
    bind = Arguments(list(ids))
    asked = " AND ".join(["c.id = ANY($1::uuid[])", *conditions(CustomerFilter(), viewer, bind, each=True)])
    rows = await db.fetch(f"{SELECT} WHERE {asked}", *bind.values)
    found = {row["id"]: customer_view(keyring, viewer, row) for row in rows}
    return [found[each] for each in ids if each in found]


async def found_ids(
    db: Database, keyring: Keyring, viewer: Viewer, text: str, chosen: CustomerFilter | None = None, *, region: str
) -> list[UUID]:
    """The customers who fit ``text``, the best first, at most MOST. Raises Invalid for a text that is too long."""
    viewer.require("customers.read")
    typed = parse(text)
    if not typed:
        return []
    search = _Search(keyring, viewer, chosen or CustomerFilter(), region, await _seen(db, viewer))
    parts = await _with_tags(db, search, typed)
    if not parts:
        return []
    found: list[_Found] = []
    async with db.searching() as reader:
        for part in sorted(parts, key=lambda each: _RAREST_FIRST.index(each.kind)):
            found.append(await _find(reader, search, part))
            if found[-1].complete and len(found[-1].ranks) <= MOST:
                break  # what is searched for is among these: they are asked for the other parts
    found += [_Found(part, {}, False) for part in parts if all(part is not each.part for each in found)]
    most = MOST
    if any(each.complete for each in found):
        candidates = _common(found)
    else:
        some = list(found[0].ranks) if len(found) == 1 else await _together(db, search, found)
        candidates = [*await _recent(db, search, parts), *some]
        most = MOST_OF_MANY
    return await _ranked(db, search, found, list(dict.fromkeys(candidates))[:most])


async def _seen(db: Database, viewer: Viewer) -> list[UUID] | None:
    bind = Arguments()
    ids = customers_of(viewer, bind)
    if ids is None:
        return None
    kept = _KEPT.setdefault(db, {})
    until, known = kept.get(viewer, (0.0, None))
    if known is not None and monotonic() < until:
        return known
    sql = f"SELECT DISTINCT id FROM ({ids}) AS seen (id) WHERE id IS NOT NULL LIMIT {MOST_SEEN + 1}"  # noqa: S608
    found = [row["id"] for row in await db.fetch(sql, *bind.values)]
    if len(found) > MOST_SEEN:
        return None
    if len(found) > FEW_SEEN:
        if len(kept) >= MOST_KEPT:
            kept.clear()
        kept[viewer] = (monotonic() + KEPT_SECONDS, found)
    return found


async def _with_tags(db: Reader, search: _Search, parts: list[Part]) -> list[Part]:
    """The parts with the tags that there are; none at all when there is no such tag."""
    asked = [name for part in parts for name in part.tags]
    if not asked:
        return parts
    rows = await db.fetch("SELECT id, lower(name) AS name FROM tag WHERE lower(name) = ANY($1::text[])", asked)
    search.tags.update({row["name"]: row["id"] for row in rows})
    for part in [part for part in parts if part.kind == "tag"]:
        tag = next((name for name in part.tags if name in search.tags), None)
        if tag is None:
            return []
        parts = without_tag(parts, tag)
    return parts


async def _find(reader: Reader, search: _Search, part: Part) -> _Found:
    if part.kind != "name":
        return await _look(reader, search, part)
    ranks: dict[UUID, int] = {}
    # Those who fit best first: where they are too many already, nobody else is looked for.
    for words in ([names.whole_words(part.text)], [names.searched_words(part.text)], names.part_words(part.text)):
        found = await _look(reader, search, part, words)
        ranks |= found.ranks
        if not found.complete:
            return _Found(part, ranks, False)
    return _Found(part, ranks, True)


async def _look(reader: Reader, search: _Search, part: Part, words: Sequence[frozenset[str]] | None = None) -> _Found:
    """The customers of a part, found by any of its ways; of a name by any of these sets of words."""
    bind = Arguments()
    made = search.ways(bind)
    ways = made.of(part) if words is None else made.names(*words)
    if not ways:
        return _Found(part, {}, True)
    asked = search.asked(bind)
    ranks: dict[UUID, int] = {}
    complete = True
    sql = ", ".join(f"ARRAY({way.rows(asked, MOST + 1, search.most_asked)}) AS way{at}" for at, way in enumerate(ways))
    row = await reader.fetchrow(f"SELECT {sql}", *bind.values)
    for way, ids in zip(ways, row.values() if row is not None else (), strict=True):
        complete = complete and len(ids) <= MOST
        for each in ids:
            known = ranks.get(each, BY_NAME)
            ranks[each] = way.rank if known == BY_NAME or (way.rank != BY_NAME and way.rank < known) else known
    return _Found(part, ranks, complete)


def _common(found: Sequence[_Found]) -> list[UUID]:
    """The customers of every complete part, those with the best ranks first."""
    complete = sorted((each for each in found if each.complete), key=lambda each: len(each.ranks))
    ids = [each for each in complete[0].ranks if all(each in other.ranks for other in complete[1:])]
    return sorted(ids, key=lambda each: max(part.ranks[each] for part in complete))


async def _together(db: Database, search: _Search, found: Sequence[_Found]) -> list[UUID]:
    """Customers of all parts, of which each has too many: the first ones, as they lie in the table."""
    first = next((each for each in found if each.part.kind == "name"), found[0]).part
    bind = Arguments()
    ways = search.ways(bind)
    asked = " AND ".join([*_holds(ways, [each.part for each in found if each.part is not first]), search.asked(bind)])
    rows = " UNION ALL ".join(f"({way.rows(asked, MOST, MOST_ASKED)})" for way in ways.of(first))
    async with db.searching(probes=True) as reader:
        together = await reader.fetch(f"SELECT id FROM ({rows}) AS found LIMIT {MOST_OF_MANY}", *bind.values)  # noqa: S608
    return [row["id"] for row in together]


async def _recent(db: Reader, search: _Search, parts: Sequence[Part]) -> list[UUID]:
    """Customers of all parts among those who were in contact last."""
    bind = Arguments()
    asked = " AND ".join([*_holds(search.ways(bind), parts), search.asked(bind)])
    rows = await db.fetch(
        f"""WITH latest AS MATERIALIZED (
                SELECT customer_id, max(at) AS at FROM (
                    SELECT customer_id, at FROM interaction ORDER BY at DESC LIMIT {LATEST}) AS line
                WHERE customer_id IS NOT NULL GROUP BY customer_id)
            SELECT c.id FROM latest JOIN customer c ON c.id = latest.customer_id
            WHERE {asked} ORDER BY latest.at DESC LIMIT {MOST_RECENT}""",  # noqa: S608
        *bind.values,
    )
    return [row["id"] for row in rows]


def _holds(ways: Ways, parts: Sequence[Part]) -> list[str]:
    """The condition of each part on ``customer c``."""
    return [f"({' OR '.join(way.holds for way in ways.of(part))})" for part in parts]


async def _ranked(db: Reader, search: _Search, found: Sequence[_Found], candidates: Sequence[UUID]) -> list[UUID]:
    if not candidates:
        return []
    bind = Arguments(list(candidates))
    holds = ["c.id = ANY($1::uuid[])", "c.merged_into_id IS NULL"]
    if any(each.complete for each in found):
        holds += _holds(search.ways(bind), [each.part for each in found if not each.complete])
    emails = any(each.part.kind in ("email", "word") for each in found)
    points = """ARRAY(SELECT (p.id, p.value_cipher) FROM contact_point p
        WHERE p.customer_id = c.id AND p.kind = 'email' ORDER BY p.position LIMIT 10)"""
    rows = await db.fetch(
        f"""SELECT c.id, c.number, c.name_cipher, c.key_id, k.wrapped, k.master, t.rank AS tier,
                (SELECT max(i.at) FROM interaction i WHERE i.customer_id = c.id) AS last_at,
                {points if emails else "'{}'::text[]"} AS emails
            FROM customer c JOIN personal_key k ON k.id = c.key_id LEFT JOIN tier t ON t.id = c.tier_id
            WHERE {" AND ".join(holds)}""",  # noqa: S608
        *bind.values,
    )
    ranked = []
    for row in rows:
        ranks = _ranks(search.keyring, row, found)
        if ranks is not None:
            last = -((row["last_at"] or _NEVER) - _NEVER).total_seconds()
            tier = 1_000 if row["tier"] is None else row["tier"]
            ranked.append((max(ranks), sum(ranks), last, tier, -row["number"], row["id"]))
    return [place[-1] for place in sorted(ranked)]


def _ranks(keyring: Keyring, row: Row, found: Sequence[_Found]) -> list[int] | None:
    """How well a customer fits each part; None when they only seemed to: tokens can be shared in another order."""
    key = personal_key(keyring, row)
    name = customer_name(keyring, key, row)
    ranks: list[int] = []
    for each in found:
        rank = each.ranks.get(row["id"], _UNKNOWN.get(each.part.kind, names.BEGINNING))
        if rank == BY_NAME:
            fit = names.fit(name, each.part.text)
            if fit is None:
                return None
            rank = fit
        elif (
            rank == names.PART
            and each.part.kind in ("email", "word")
            and not _holds_email(keyring, key, row, each.part)
        ):
            return None
        ranks.append(rank)
    return ranks


def _holds_email(keyring: Keyring, key: PersonalKey | None, row: Row, part: Part) -> bool:
    if key is None:
        return False
    values = (keyring.decrypt(key, "contact_point", "value_cipher", *fields) for fields in row["emails"])
    return any(email_words.holds(value, part.text) for value in values)
