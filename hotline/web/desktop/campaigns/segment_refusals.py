"""What is refused of a segment, in the words in which it is refused → the same in words that are translated."""

from __future__ import annotations

import re
from typing import Final

from hotline.web.desktop.marking import N_

#: Said as they are, with a capital letter first.
AS_THEY_ARE: Final = frozenset(
    (
        N_("This segment is archived."),
        N_("another segment has this name."),
        N_("choose what is asked."),
        N_("nobody is found by this."),
        N_("several are found by this; type the number, such as C10001."),
        N_("one of these customers is not there."),
        N_("Segments are of all customers, and your role sees only some of them."),
        N_("These rules take long to count. Save the segment and have it counted in the background."),
        N_("the first number is larger than the second."),
        N_("This audience is frozen already."),
        N_("Somebody wrote to this audience while it was frozen."),
    )
)

WITH_VALUES: Final = tuple(
    (re.compile(pattern, re.DOTALL), message)
    for pattern, message in (
        (r"expected a list of at least one\.", N_("Choose or write at least one.")),
        (r"expected a text of at most \d+ letters\.", N_("Something is missing here.")),
        (r"expected a day (?:such as|from) .*", N_("Expected a day.")),
        (r"expected a number.*|expected a whole number.*|expected two numbers\.", N_("Expected a number.")),
        (r"expected an amount and a currency\.", N_("Expected an amount and a currency.")),
        (r"nested too deeply; at most (?P<most>\d+) levels\.", N_("Nested too deeply: at most {most} levels.")),
        (r"at most (?P<most>\d+) conditions\.", N_("At most {most} conditions.")),
        (r"(?P<name>\S+) is not known; .*", N_("{name} is not known here.")),
        (r"(?P<op>\S+) takes none\.", N_("Nothing may stand here.")),
        (r"rules cannot ask (?P<name>.*)\.", N_("Rules cannot ask {name}: its values are sealed, or it is gone.")),
        (
            r"There are (?P<most>\d+) segments already; archive some first\.",
            N_("There are {most} segments already: archive some first."),
        ),
        (
            r"A list has at most (?P<most>\d+) customers; use a tag and a rule for more\.",
            N_("A list has at most {most} customers: use a tag and a rule for more."),
        ),
    )
)
