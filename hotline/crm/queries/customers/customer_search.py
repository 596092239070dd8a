"""Customers by what a person types: part of a name, the last digits of a number, an email or a part of one, C10001,
#tag, and several of these at once (``wang 4711``).

Nothing is read that is not found through an index, and no more than MOST customers are compared. Each thing typed (a
part) is looked for by itself, up to MOST customers, or, for who does not see all, up to MOST_ASKED of whom theirs are
kept. A part that has fewer is complete: what is searched for is among its customers, who are asked for the rest (the
other parts, the filter), so that a rare word beside a common one costs what the rare one costs. Of a viewer who sees
FEW, these are asked themselves what too many others have: theirs are always complete. Only where every part has more
are they looked for together; whoever was spoken with last is then among the candidates. These are ranked: how well they
fit, when they were last in contact, their tier.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from hotline.crm.database import Database, Reader, Row
from hotline.crm.keys import Keyring, PersonalKey
from hotline.crm.queries.customers.customer_filter import CustomerFilter, conditions
from hotline.crm.queries.customers.customer_views import (
    SELECT,
    CustomerView,
    customer_name,
    customer_view,
    personal_key,
)
from hotline.crm.queries.customers.customers_seen import MOST_IN_SET, Seen, now_seen, seen_by
from hotline.crm.queries.customers.search_ways import BY_NAME, Way, Ways
from hotline.crm.scopes import Arguments, Bind
from hotline.crm.viewer import Viewer
from hotline.customers import email_words, names
from hotline.customers.search_text import Part, parse

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
#: Who sees no more than these has them asked one by one for what too many have.
FEW: Final = 2_000
#: Who were not the viewer's some seconds ago, and are asked whether they are by now.
MOST_NEWLY_SEEN: Final = 120
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
    #: The same as a list, where they are few.
    few: list[UUID] | None
    tags: dict[str, UUID] = field(default_factory=dict)

    def ways(self, bind: Bind) -> Ways:
        return Ways(self.keyring, self.viewer.masks, self.region, self.tags, bind)

    def asked(self, bind: Bind) -> list[str]:
        """What the filter asks of ``customer c``, and the scope where it is not known by ids of this moment."""
        scope = self.seen is None or self.seen.kept
        return conditions(self.chosen, self.viewer, bind, scope=scope, each=True)

    def among(self, ids: Iterable[UUID]) -> list[UUID]:
        """Those whom the viewer sees, as far as that is known by ids."""
        return list(ids) if self.seen is None else self.seen.among(ids)

    async def seen_among(self, reader: Reader, ids: Sequence[UUID], *, complete: bool) -> set[UUID]:
        """The same; of a few (``complete``: there are no others) also those who are theirs since seconds."""
        seen = set(self.among(ids))
        if self.seen is not None and self.seen.kept and complete:
            others = [each for each in dict.fromkeys(ids) if each not in seen]
            if len(others) <= MOST_NEWLY_SEEN:
                seen.update(await now_seen(reader, self.viewer, others))
        return seen

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
    if not (typed := parse(text)):
        return []
    seen = await seen_by(db, viewer)
    few = seen.ids if seen is not None and len(seen) <= FEW else None
    search = _Search(keyring, viewer, chosen or CustomerFilter(), region, seen, few)
    parts = await _with_tags(db, search, text, typed)
    if not parts:
        return []
    found: list[_Found] = []
    async with db.searching() as reader:
        for part in sorted(parts, key=lambda each: _RAREST_FIRST.index(each.kind)):
            found.append(await _find(reader, search, part, alone=len(parts) == 1))
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


async def _with_tags(db: Reader, search: _Search, text: str, parts: list[Part]) -> list[Part]:
    """The parts with the tags that there are; none at all when there is no such tag."""
    asked = [name for part in parts for name in part.tags]
    if not asked:
        return parts
    rows = await db.fetch(
        "SELECT w.name, t.id FROM unnest($1::text[]) AS w (name) JOIN tag t ON lower(t.name) = lower(w.name)", asked
    )
    search.tags.update({row["name"]: row["id"] for row in rows})
    parts = parse(text, search.tags)
    return parts if all(part.text in search.tags for part in parts if part.kind == "tag") else []


async def _find(reader: Reader, search: _Search, part: Part, *, alone: bool) -> _Found:
    """The customers of a part; of a name that is searched for ``alone`` not those who fit less, where many fit well."""
    if part.kind != "name":
        return await _look(reader, search, part)
    ranks: dict[UUID, int] = {}
    words = [names.whole_words(part.text), names.searched_words(part.text), *names.part_words(part.text)]
    for at, some in enumerate((words[:1], words[1:2], words[2:])):
        found = await _look(reader, search, part, some, emails=at == 2)
        ranks |= found.ranks
        if not found.complete:
            return _Found(part, ranks, False, words[at:])
        # All of these are found: nothing else is asked of them that they might lack.
        if len(ranks) >= MANY and alone and search.chosen.empty and (search.sees_all or search.seen is not None):
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
    # Of a common part few are those of a viewer who does not see all.
    most = MOST if search.seen is None or search.few is not None else search.most_asked
    sql = f"SELECT {', '.join(f'{_ids(way, most, search.few)} AS way{at}' for at, way in enumerate(ways))}"
    if search.few is not None:
        few = f"SELECT id, search_tokens FROM customer WHERE id = ANY({bind(search.few)}::uuid[])"  # noqa: S608
        sql = f"WITH few AS MATERIALIZED ({few}) {sql}"
    row = await reader.fetchrow(sql, *bind.values)
    by_way = [] if row is None else [list(ids) for ids in row.values()]
    complete = search.few is not None or all(len(ids) <= most for ids in by_way)
    everybody = [each for ids in by_way for each in ids]
    seen = await search.seen_among(reader, everybody, complete=complete)
    for way, ids in zip(ways, by_way, strict=True):
        for each in ids:
            if each in seen:
                known = ranks.get(each, BY_NAME)
                ranks[each] = way.rank if known == BY_NAME or (way.rank != BY_NAME and way.rank < known) else known
    return _Found(part, ranks, complete)


def _ids(way: Way, most: int, few: Sequence[UUID] | None) -> str:
    """An array of the ids of a way, one more than ``most`` where there are too many; or then, where the viewer sees
    ``few``, of those of these for whom it holds: the statement knows them as ``few``, and reads them only then."""
    ids = f"ARRAY({way.ids} LIMIT {most + 1})"
    if few is None:
        return ids
    # OFFSET: the planner would else put the first array into both places where it is named.
    return f"""(SELECT CASE WHEN cardinality(w.ids) > {most}
        THEN ARRAY(SELECT c.id FROM few c WHERE {way.holds}) ELSE w.ids END
        FROM (SELECT {ids} AS ids OFFSET 0) AS w)"""  # noqa: S608


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
        # Of a name, those who fit best first: they are known, as far as they are not too many.
        if first.ranks:
            bind = Arguments(list(first.ranks))
            asked = " AND ".join([*_holds(search.ways(bind), others), *search.asked(bind)])
            rows = f"SELECT c.id FROM customer c WHERE c.id = ANY($1::uuid[]) AND {asked} LIMIT {MOST_OF_MANY}"  # noqa: S608
            together += await reader.fetchval(f"SELECT ARRAY({rows})", *bind.values)
            if len(together) >= MANY:
                return together
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
