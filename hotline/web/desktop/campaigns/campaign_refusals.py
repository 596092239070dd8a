"""What is refused of a campaign, in the words in which it is refused → the same in words that are translated."""

from __future__ import annotations

import re
from typing import Final

from hotline.web.desktop.marking import N_

#: Said as they are, with a capital letter first.
AS_THEY_ARE: Final = frozenset(
    (
        N_("Who wrote a campaign, its template or its segment cannot approve it."),
        N_("You approved this already; another reviewer must be the next."),
        N_("What you looked at is not what is in review any more: look again."),
        N_("This campaign is not approved as it is now: submit it again."),
        N_("say why, so that the author knows what to change."),
        N_("look at the findings first."),
        N_("The time for this review is over: submit it again."),
        N_("The recipients are still being counted; wait a moment."),
        N_("The campaign was changed while it was prepared: submit it again."),
        N_("There is no such campaign."),
        N_("There is no such submission."),
        N_("This campaign is over."),
        N_("This campaign was never submitted."),
        N_("This campaign was submitted: its history stays. Cancel it instead."),
        N_("choose the segment that gets it."),
        N_("there is no such segment."),
        N_("write what is sent."),
        N_("choose the number that it is sent from."),
        N_("choose the address that it is sent from, or set the company's mail address."),
        N_("letters and digits, at most 8."),
        N_("customers have no such field."),
        N_("this field is no date."),
        N_("A number or a text in it cannot be written exactly."),
    )
)

_DONE: Final = {
    "submitted": N_("A campaign in this state cannot be submitted."),
    "approved": N_("There is nothing to approve: it is not in review."),
    "rejected": N_("There is nothing to reject: it is not in review."),
    "withdrawn": N_("There is nothing to withdraw."),
    "changed": N_("A campaign that is over cannot be changed."),
    "started": N_("Only an approved campaign can be started."),
    "paused": N_("Only what is scheduled or runs can be paused."),
    "resumed": N_("Only what was paused can go on."),
    "cancelled": N_("This campaign is over."),
}
WITH_VALUES: Final = tuple(
    (re.compile(pattern, re.DOTALL), message)
    for pattern, message in (
        *((rf"A campaign that is [a-z ]+ cannot be {done}\.", message) for done, message in _DONE.items()),
        (r"A campaign that is .* cannot be .*", N_("This is not possible in the state that the campaign is in.")),
        (r"one of sms, .*|one of marketing, .*", N_("Choose one of those that are offered.")),
        (r"at most (?P<most>\d+) different ones\.", N_("At most {most} different ones.")),
        (
            r"variant (?P<name>\S+) is a template with all of its languages already\.",
            N_("Variant {name} is a template with all of its languages already."),
        ),
        (r"this is not one of the company's for .*", N_("This is not one of the company's for this channel.")),
        (r"(?P<address>\S+) is switched off\.", N_("{address} is switched off.")),
        (r"(?P<channel>\S+) has none\.", N_("This channel has no sender.")),
        (
            r"the template of variant (?P<name>\S+) is not in use any more\.",
            N_("The template of variant {name} is not in use any more."),
        ),
        (
            r"the template of variant (?P<name>\S+) is for .*\.",
            N_("The template of variant {name} is for another channel."),
        ),
        (
            r"these are for .*, the variants are .*\.",
            N_("The shares must name just the variants that there are."),
        ),
    )
)
