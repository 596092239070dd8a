"""How each part of a search is found: names and emails by their tokens, numbers by their last digits, tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from hotline import phone
from hotline.crm.keys import Keyring
from hotline.crm.scopes import Bind
from hotline.customers import email_words, names
from hotline.customers.search_text import Part

#: The rank of a customer who was found by a name: how well it fits is known when it is read.
BY_NAME: Final = -1
#: Digits of a number that are shown to who may not read it.
DIGITS_SHOWN: Final = 4


@dataclass(frozen=True, slots=True)
class Way:
    """A way to find a part. ``source`` is what selects ids of customers, None where ``holds``, the condition on
    ``customer c``, has an index of its own. ``holds`` is asked of rows one by one and is never a join, whose cost
    would be that of all rows. ``rank`` says how well whoever is found so fits."""

    rank: int
    holds: str
    source: str | None = None

    @property
    def ids(self) -> str:
        """The select of the ids, some of them twice, which a LIMIT may follow."""
        return f"SELECT c.id FROM customer c WHERE {self.holds}" if self.source is None else self.source  # noqa: S608

    def asked(self, asked: str, most: int, most_asked: int) -> str:
        """The select of at most ``most`` customers for whom ``asked`` holds, among the first ``most_asked``."""
        if self.source is not None:
            rows = f"({self.source} LIMIT {most_asked}) AS found (id) JOIN customer c ON c.id = found.id"
        else:
            rows = f"(SELECT c.* FROM customer c WHERE {self.holds} LIMIT {most_asked}) AS c"  # noqa: S608
        return f"SELECT c.id FROM {rows} WHERE {asked} LIMIT {most}"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Ways:
    """Makes the ways of one statement: ``bind`` takes its arguments. ``masks`` are the viewer's; ``tags`` are the ids
    of those that are searched for."""

    keyring: Keyring
    masks: frozenset[str]
    region: str
    tags: Mapping[str, UUID]
    bind: Bind

    def of(self, part: Part) -> list[Way]:
        """All ways to find a part."""
        if part.kind == "name":
            by_name = self.names(names.searched_words(part.text), *names.part_words(part.text))
            return [*by_name, *self.emails_of(part.text)]
        if part.kind == "reference":
            return [self._reference(int(part.text))]
        if part.kind == "number":
            return self._number(part)
        if part.kind == "email":
            return self._email(part.text)
        if part.kind == "word":
            return [*self.emails_of(part.text), *self.names(names.searched_words(part.text))]
        return [self._tag(self.tags[part.text])]

    def emails_of(self, text: str) -> list[Way]:
        """Emails that have the words of ``text`` before the ``@``, or begin so behind it."""
        domain = [] if "_" in text or " " in text else self._email(f"@{text}")
        return [*self._email(text), *domain]

    def names(self, *each: Iterable[str]) -> list[Way]:
        """Names that have all the words of one of these sets."""
        ways = []
        for words in each:
            if tokens := self.keyring.tokens("name", words):
                ways.append(Way(BY_NAME, f"c.search_tokens @> {self.bind(tokens)}::bigint[]"))
        return ways

    def _number(self, part: Part) -> list[Way]:
        ways = []
        masked = "phone" in self.masks
        digits = part.digits
        if len(digits) <= 12:
            ways.append(self._reference(int(digits)))
        if not masked:
            with suppress(phone.NotANumber):
                value = phone.parse(part.text, self.region).value
                ways.append(
                    _contact(names.SAME, f"value_index = {self.bind(self.keyring.blind_index('phone', value))}")
                )
        # More digits than are kept as a suffix, but no number of the region: a zero, a country code or a prefix may
        # be missing or too many. The last seven narrow it down; 7 digits in a row are hardly anybody else's.
        ending = digits[-phone.SUFFIX_DIGITS[-1] :]
        token = self.keyring.suffix_token(ending)
        if token is not None and (not masked or len(digits) <= DIGITS_SHOWN):
            ways.append(_contact(names.BEGINNING, f"suffix_tokens @> {self.bind([token])}::bigint[]"))
        return [*ways, *self.names(names.searched_words(part.text))]

    def _email(self, text: str) -> list[Way]:
        readable = "email" not in self.masks
        ways = []
        if readable and "@" in text:
            ways.append(_contact(names.SAME, f"value_index = {self.bind(self.keyring.blind_index('email', text))}"))
        # Whoever may not read addresses sees their domain, and may search by it.
        if (readable or text.startswith("@")) and (words := email_words.searched_words(text)):
            tokens = self.bind(self.keyring.tokens("email", words))
            ways.append(_contact(names.PART, f"suffix_tokens @> {tokens}::bigint[]"))
        return ways

    def _reference(self, number: int) -> Way:
        # Of a customer who was merged into another, that other.
        row = f"SELECT COALESCE(merged_into_id, id) FROM customer WHERE number = {self.bind(number)}::bigint"  # noqa: S608
        return Way(names.SAME, f"c.id = ({row})", row)

    def _tag(self, tag_id: UUID) -> Way:
        tag = self.bind(tag_id)
        return Way(
            names.SAME,
            f"(SELECT true FROM customer_tag ct WHERE ct.customer_id = c.id AND ct.tag_id = {tag} LIMIT 1)",  # noqa: S608
            f"SELECT customer_id FROM customer_tag WHERE tag_id = {tag}",  # noqa: S608
        )


def _contact(rank: int, condition: str) -> Way:
    return Way(
        rank,
        f"(SELECT true FROM contact_point p WHERE p.customer_id = c.id AND p.{condition} LIMIT 1)",  # noqa: S608
        f"SELECT customer_id FROM contact_point WHERE {condition}",  # noqa: S608
    )
