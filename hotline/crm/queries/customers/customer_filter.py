"""Which customers a list, a batch or an export is about, beside what is searched for: one set of conditions for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hotline.crm.scopes import Bind, customers_seen, customers_seen_each
from hotline.crm.viewer import Viewer
from hotline.customers.text import one_line
from hotline.errors import Invalid

LONGEST_WORD: Final = 64
#: Custom fields that one filter may name.
MOST_CUSTOM: Final = 10


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    """Only customers with a tag (by name), of a tier (by key), of a kind, of a classification (``none``: without one),
    and of a responsible agent: ``me``, ``none`` or a login. ``custom`` compares values of custom fields that are kept
    readable, as text."""

    tag: str | None = None
    tier: str | None = None
    responsible: str | None = None
    classification: str | None = None
    kind: str | None = None
    custom: Mapping[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether it leaves everybody."""
        return self == CustomerFilter()


def tagged(tag: str) -> str:
    """The condition on ``customer c`` that they have the tag whose name is at the placeholder ``tag``."""
    return (
        "EXISTS (SELECT 1 FROM customer_tag ct JOIN tag g ON g.id = ct.tag_id"  # noqa: S608
        f" WHERE ct.customer_id = c.id AND lower(g.name) = lower({tag}))"
    )


def conditions(
    chosen: CustomerFilter, viewer: Viewer, bind: Bind, *, scope: bool = True, each: bool = False
) -> list[str]:
    """The conditions on ``customer c``: whoever was merged into another is left out, and whom the viewer does not see
    (without ``scope`` the caller sees to that; with ``each`` asked row by row).

    Raises Invalid for a text that is too long.
    """
    found = ["c.merged_into_id IS NULL"]
    if scope:
        seen = customers_seen_each(viewer, bind, "c") if each else customers_seen(viewer, bind)
        found += [] if seen is None else [seen]
    if chosen.tag is not None:
        found.append(tagged(bind(one_line(chosen.tag, "tag", LONGEST_WORD))))
    if chosen.tier == "none":
        found.append("c.tier_id IS NULL")
    elif chosen.tier is not None:
        tier = bind(one_line(chosen.tier, "tier", LONGEST_WORD))
        found.append(f"c.tier_id = (SELECT id FROM tier WHERE key = {tier})")  # noqa: S608
    if chosen.kind is not None:
        found.append(f"c.kind = {bind(chosen.kind)}")
    if chosen.classification == "none":
        found.append("c.classification IS NULL")
    elif chosen.classification is not None:
        found.append(f"c.classification = {bind(one_line(chosen.classification, 'classification', LONGEST_WORD))}")
    if chosen.responsible == "none":
        found.append("c.responsible_id IS NULL")
    elif chosen.responsible == "me":
        found.append(f"c.responsible_id = {bind(viewer.user_id)}")
    elif chosen.responsible is not None:
        login = bind(one_line(chosen.responsible, "responsible", LONGEST_WORD))
        found.append(f"c.responsible_id = (SELECT id FROM users WHERE login = lower({login}))")  # noqa: S608
    if len(chosen.custom) > MOST_CUSTOM:
        raise Invalid(f"custom: at most {MOST_CUSTOM} fields at once.")
    for name, value in chosen.custom.items():
        key = bind(one_line(name, "custom", LONGEST_WORD))
        found.append(f"c.custom ->> {key} = {bind(one_line(value, 'custom', 200))}")
        if "private" in viewer.masks:
            # A field that became private later has its values there still: they could be tried one after the other.
            found.append(
                f"NOT EXISTS (SELECT 1 FROM custom_field f WHERE f.key = {key} AND f.private AND f.record <> 'ticket')"  # noqa: S608
            )
    return found
