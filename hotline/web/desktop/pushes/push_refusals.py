"""What is refused of deliveries, schedules and apps, in its own words → the same in words that are translated."""

from __future__ import annotations

import re
from typing import Final

from hotline.web.desktop.marking import N_

#: Said as they are, with a capital letter first.
AS_THEY_ARE: Final = frozenset(
    (
        N_("There is no such manifest."),
        N_("Days of a month are 1 to 31; -1 is the last one."),
        N_("A whole number."),
        N_("Say on which day and when."),
        N_("A number, like 0.3."),
        N_("Both a number of messages and one of days."),
        N_("Too many apps are open."),
        N_("the https address of a push service."),
        N_("p256dh and auth of the browser's subscription."),
        N_("one is there twice"),
        N_("There is no such delivery."),
        N_("Only a delivery that is unknown can be sent again."),
        N_("What was approved for this delivery is not approved any more: it cannot be sent again."),
        N_("Only a delivery that is unknown can be settled."),
    )
)
WITH_VALUES: Final[tuple[tuple[re.Pattern[str], str], ...]] = ()
