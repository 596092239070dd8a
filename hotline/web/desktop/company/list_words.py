"""Words of the company's own lists: what each is called, and what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hotline.web.desktop.words import N_

#: Every list with its name and what offers it; a test holds the lists against it.
LISTS: Final[Mapping[str, tuple[str, str]]] = {
    "classification": (N_("Classification"), N_("What a customer is to the company.")),
    "contact_role": (N_("Roles of contacts"), N_("What somebody does in the organisation whose contact they are.")),
    "relation": (N_("Relations"), N_("How two customers belong together.")),
    "pause_reason": (N_("Reasons for a pause"), N_("Why an agent takes no calls for a while.")),
    "skill": (N_("Skills"), N_("What agents know; each of them at a level from 1 to 5.")),
    "purchase_state": (N_("States of purchases"), N_("How far a product or a service has got.")),
}
