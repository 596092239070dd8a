"""Customers by what a person types: part of a name, the last digits of a number, an email or a part of one, C10001,
#tag, and several of these at once (``wang 4711``).

Nothing is read that is not found through an index, and no more than MOST customers are compared. Each thing typed (a
part) is looked for by itself, up to MOST customers, or, for who does not see all, up to MOST_ASKED of whom theirs are
kept. A part that has fewer is complete: what is searched for is among its customers, who are asked for the rest (the
other parts, the filter), so that a rare word beside a common one costs what the rare one costs. Only where every part
has more are they looked for together; whoever was spoken with last is then among the candidates. These are ranked: how
well they fit, when they were last in contact, their tier.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from hotline.crm.database import Database, Reader, Row
from hotline.crm.keys import Keyring, PersonalKey
from hotline.crm.queries.customer_filter import CustomerFilter, conditions
from hotline.crm.queries.customer_views import SELECT, CustomerView, customer_name, customer_view, personal_key
from hotline.crm.queries.customers_seen import MOST_IN_SET, Seen, seen_by
from hotline.crm.queries.search_ways import BY_NAME, Ways
from hotline.crm.scopes import Arguments, Bind
from hotline.crm.viewer import Viewer
from hotline.customers import email_words, names
from hotline.customers.search_text import Part, parse, without_tag

#: Customers who are compared.
MOST: Final = 500
#: Of these, where more fit: who searches for so much will type more.
MOST_OF_MANY: Final = 250
#: Of a part, who fit best are looked for first; when they are so many, nobody is looked for who fits less.
MANY: Final = 200
#: Customers of a common part who are asked for what else must hold, where that is not through an index.
MOST_ASKED: Final = 6_000
#: Of these, for a viewer who sees so many that enough of these are theirs.
MOST_ASKED_OF_MANY: Final = 2_500
#: Of these, where each is asked for every way in which the viewer might see them.
MOST_ASKED_EACH: Final = 1_000
#: The latest lines of all timelines, or the latest calls of a viewer who does not see all: whoever they are about is
#: preferred where too many fit, up to MOST_RECENT.
LATEST: Final = 1_500
LATEST_CALLS: Final = 500
MOST_RECENT: Final = 150

#: The rank of whoever was found by another part, by the kind of this one; how well a number fits is not read.
_UNKNOWN: Final = {"name": BY_NAME, "tag": names.SAME, "email": names.PART, "word": BY_NAME}
#: In which order parts are looked for: a name may be common, and looking for it costs most.
_RAREST_FIRST: Final = ("reference", "number", "email", "word", "tag", "name")
_NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Found:
    """The customers of a part with their ranks; ``complete``: there are no others. Of a name ``words`` are the sets of
    words, any of which is looked for, from the first one that too many have."""

    part: Part
    ranks: dict[UUID, int]
    complete: bool
    words: Sequence[frozenset[str]] = ()


@dataclass(frozen=True, slots=True)
class _Search:
    keyring: Keyring
    viewer: Viewer
    chosen: CustomerFilter
    region: str
    #: Whom a viewer sees who does not see all, unless these are too many.
    seen: Seen | None
    tags: dict[str, UUID] = field(default_factory=dict)

    def ways(self, bind: Bind) -> Ways:
        return Ways(self.keyring, self.viewer.masks, self.region, self.tags, bind)

    def asked(self, bind: Bind) -> list[str]:
        """What the filter asks of ``customer c``, and the scope where it is not known by ids."""
        return conditions(self.chosen, self.viewer, bind, scope=self.seen is None, each=True)

    def among(self, ids: Iterable[UUID]) -> list[UUID]:
        """Those whom the viewer sees, as far as that is known by ids."""
        return list(ids) if self.seen is None else self.seen.among(ids)

    @property
    def sees_all(self) -> bool:
        return self.viewer.scope_of("customers") == "all"

    @property
    def most_asked(self) -> int:
        if self.sees_all:
            return MOST_ASKED
        if self.seen is None:
            return MOST_ASKED_EACH
        return MOST_ASKED if len(self.seen) <= MOST_IN_SET else MOST_ASKED_OF_MANY


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
    search = _Search(keyring, viewer, chosen or CustomerFilter(), region, await seen_by(db, viewer))
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
    if any(each.complete for each in found):
        candidates = _common(found)
        most = MOST
    else:
        candidates = await _together(db, search, found)
        most = MOST_OF_MANY if search.seen is None else MOST
    if not any(each.complete for each in found) or len(candidates) > MOST:
        recent = search.among(await _recent(db, search, parts))
        candidates = list(dict.fromkeys([*recent, *candidates]))
    return await _ranked(db, search, found, candidates[:most])


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
    words = [names.whole_words(part.text), names.searched_words(part.text), *names.part_words(part.text)]
    for at, some in enumerate((words[:1], words[1:2], words[2:])):
        found = await _look(reader, search, part, some, emails=at == 2)
        ranks |= found.ranks
        if not found.complete:
            return _Found(part, ranks, False, words[at:])
        if len(ranks) >= MANY:
            break
    return _Found(part, ranks, True)


async def _look(
    reader: Reader,
    search: _Search,
    part: Part,
    words: Sequence[frozenset[str]] | None = None,
    *,
    emails: bool = False,
) -> _Found:
    """The customers of a part, found by any of its ways; of a name by any of these sets of words, and by ``emails``."""
    bind = Arguments()
    made = search.ways(bind)
    ways = made.of(part) if words is None else [*made.names(*words), *(made.emails_of(part.text) if emails else [])]
    if not ways:
        return _Found(part, {}, True)
    ranks: dict[UUID, int] = {}
    complete = True
    # Of a common part few are those of a viewer who does not see all.
    most = MOST if search.seen is None else search.most_asked
    sql = ", ".join(f"ARRAY({way.ids} LIMIT {most + 1}) AS way{at}" for at, way in enumerate(ways))
    row = await reader.fetchrow(f"SELECT {sql}", *bind.values)
    for way, ids in zip(ways, row.values() if row is not None else (), strict=True):
        complete = complete and len(ids) <= most
        for each in search.among(ids):
            known = ranks.get(each, BY_NAME)
            ranks[each] = way.rank if known == BY_NAME or (way.rank != BY_NAME and way.rank < known) else known
    return _Found(part, ranks, complete)


def _common(found: Sequence[_Found]) -> list[UUID]:
    """The customers of every complete part, those with the best ranks first."""
    complete = sorted((each for each in found if each.complete), key=lambda each: len(each.ranks))
    ids = [each for each in complete[0].ranks if all(each in other.ranks for other in complete[1:])]
    return sorted(ids, key=lambda each: max(part.ranks[each] for part in complete))


async def _together(db: Database, search: _Search, found: Sequence[_Found]) -> list[UUID]:
    """Customers of all parts, of which each has too many: the first ones, as they lie in the table. Where these were
    looked for among the viewer's own, they are asked for the other parts when they are ranked."""
    first = next((each for each in found if each.part.kind == "name"), found[0])
    if search.seen is not None or (len(found) == 1 and search.sees_all and search.chosen.empty):
        return list(first.ranks)
    others = [each.part for each in found if each is not first]
    together: list[UUID] = []
    async with db.searching(probes=True) as reader:
        # Of a name, those who fit best first.
        for words in first.words or (None,):
            bind = Arguments()
            ways = search.ways(bind)
            some = ways.of(first.part) if words is None else ways.names(words)
            asked = " AND ".join([*_holds(ways, others), *search.asked(bind)])
            rows = " UNION ALL ".join(f"({way.asked(asked, MOST_OF_MANY, search.most_asked)})" for way in some)
            together += await reader.fetchval(f"SELECT ARRAY({rows})", *bind.values)
            if len(together) >= MANY:
                break
    return together


async def _recent(db: Reader, search: _Search, parts: Sequence[Part]) -> list[UUID]:
    """Customers of all parts among those who were in contact last."""
    bind = Arguments()
    asked = " AND ".join([*_holds(search.ways(bind), parts), *search.asked(bind)])
    lines = f"SELECT customer_id, at FROM interaction ORDER BY at DESC LIMIT {LATEST}"  # noqa: S608
    if not search.sees_all:
        lines = f"""SELECT customer_id, offered_at FROM call WHERE user_id = {bind(search.viewer.user_id)}
            ORDER BY offered_at DESC LIMIT {LATEST_CALLS}"""  # noqa: S608
    # Materialized, since the planner would else look for all who fit, however many, and join these.
    rows = await db.fetch(
        f"""WITH latest AS MATERIALIZED (
                SELECT customer_id, max(at) AS at FROM ({lines}) AS line (customer_id, at)
                WHERE customer_id IS NOT NULL GROUP BY customer_id),
            known AS MATERIALIZED (
                SELECT c.*, latest.at FROM latest JOIN customer c ON c.id = latest.customer_id)
            SELECT c.id FROM known c WHERE {asked} ORDER BY c.at DESC LIMIT {MOST_RECENT}""",  # noqa: S608
        *bind.values,
    )
    return [row["id"] for row in rows]


def _holds(ways: Ways, parts: Sequence[Part]) -> list[str]:
    """The condition of each part on ``customer c``."""
    return [f"({' OR '.join(way.holds for way in ways.of(part))})" for part in parts]


async def _ranked(db: Reader, search: _Search, found: Sequence[_Found], candidates: Sequence[UUID]) -> list[UUID]:
    """The candidates for whom all holds, the best first."""
    if not candidates:
        return []
    bind = Arguments(list(candidates))
    complete = any(each.complete for each in found)
    unknown = [each.part for each in found if not each.complete] if complete or len(found) > 1 else []
    asked = [*_holds(search.ways(bind), unknown), *search.asked(bind)]
    emails = any(_may_be_email(each) for each in found)
    points = """ARRAY(SELECT (p.id, p.value_cipher) FROM contact_point p
        WHERE p.customer_id = c.id AND p.kind = 'email' ORDER BY p.position LIMIT 10)"""
    rows = await db.fetch(
        f"""WITH known AS MATERIALIZED (SELECT c.* FROM customer c WHERE c.id = ANY($1::uuid[]))
            SELECT c.id, c.number, c.name_cipher, c.key_id, k.wrapped, k.master, t.rank AS tier,
                (SELECT max(i.at) FROM interaction i WHERE i.customer_id = c.id) AS last_at,
                {points if emails else "'{}'::text[]"} AS emails
            FROM known c JOIN personal_key k ON k.id = c.key_id LEFT JOIN tier t ON t.id = c.tier_id
            WHERE {" AND ".join(asked)}""",  # noqa: S608
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
        if rank in (BY_NAME, names.PART):
            by_name = None if each.part.kind == "email" else names.fit(name, each.part.text)
            if by_name is None and not (_may_be_email(each) and _holds_email(keyring, key, row, each.part)):
                return None
            rank = names.PART if by_name is None else by_name
        ranks.append(rank)
    return ranks


def _may_be_email(found: _Found) -> bool:
    """Whether some may have been found by their email, which is then compared."""
    if found.part.kind == "name":
        return not found.ranks or names.PART in found.ranks.values()
    return found.part.kind in ("email", "word")


def _holds_email(keyring: Keyring, key: PersonalKey | None, row: Row, part: Part) -> bool:
    if key is None:
        return False
    values = (keyring.decrypt(key, "contact_point", "value_cipher", *fields) for fields in row["emails"])
    return any(email_words.holds(value, part.text) for value in values)
