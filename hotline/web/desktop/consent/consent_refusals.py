"""What is refused of consents and lists, in its own words → the same in words that are translated."""

from __future__ import annotations

import re
from typing import Final

from hotline.web.desktop.marking import N_

#: Said as they are, with a capital letter first.
AS_THEY_ARE: Final = frozenset(
    (
        N_("this is not yet."),
        N_("not an address of the internet."),
        N_("write down what was agreed to, as it was shown or said."),
        N_("This was taken back already: there is nothing to write down."),
        N_("this is a workbook; save the list as CSV."),
        N_("it is empty."),
        N_("This link leads nowhere: it is incomplete, or what it belongs to is over."),
        N_("This file has ended."),
        N_("This file is larger than what is accepted."),
    )
)

WITH_VALUES: Final[tuple[tuple[re.Pattern[str], str], ...]] = ()
