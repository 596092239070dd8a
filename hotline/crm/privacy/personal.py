"""What one table knows of a person: a line of the table of tables (``hotline.crm.privacy.tables``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

OF_CUSTOMER: Final = "x.customer_id = ANY({customers})"
MERGES: Final = "SELECT m.id FROM merge m WHERE m.kept_id = ANY({customers}) OR m.gone_id = ANY({customers})"
# Written while another person was taken for this one, until the merge was undone, of what the merge brought: theirs.
ANOTHER_S: Final = """EXISTS (
    SELECT 1 FROM merge m WHERE m.kept_id = x.customer_id AND NOT m.gone_id = ANY({customers})
      AND m.undone_at IS NOT NULL AND x.at BETWEEN m.at AND m.undone_at
      AND (x.field IN ('relations', 'purchases', 'files') OR x.field IN (
          SELECT b.field FROM customer_change b
          WHERE b.customer_id = m.kept_id AND b.source = 'merge' AND b.at BETWEEN m.at AND m.undone_at)))"""
CUSTOMER_KEY: Final = "(SELECT o.key_id FROM customer o WHERE o.id = x.customer_id)"


@dataclass(frozen=True, slots=True)
class Personal:
    """What one table knows of a person.

    ``shows`` are the report's fields: name → column or SQL expression; a name that ends in ``_cipher`` is opened by the
    key ``opened_by`` (its row's), one in ``_json`` is JSON inside. ``order`` sorts them. ``deletes`` removes the rows;
    else ``empties`` says which columns get which value. ``keys`` are columns with personal keys of the row's own, which
    are destroyed. ``part`` is the folder that the column ``path`` is in.
    """

    table: str
    rows: str
    shows: Mapping[str, str] = field(default_factory=dict)
    opened_by: str = CUSTOMER_KEY
    order: str = "x.id"
    deletes: bool = False
    empties: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    part: str = ""
    #: Which of the rows hold another person's values and stand in nobody's report; empty: none.
    hides: str = ""
    #: The report's place of it; the same for tables that are told together.
    section: str = ""
