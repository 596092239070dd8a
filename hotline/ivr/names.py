"""How things in a flow may be called, and how much of each there may be.

What reaches a PBX (queues, extensions) is kept to characters that mean nothing to Asterisk: no ``$``, no comma, no
parenthesis, no control character.
"""

from __future__ import annotations

import re
from typing import Final

#: Flows, nodes, prompts, variables, calendars: lower case words, as they stand in files, tables and logs.
NAME: Final = r"^[a-z][a-z0-9_]{0,39}$"
#: Variables; those with a dot are given (``caller.tier``) and cannot be set by a flow.
VARIABLE: Final = r"^[a-z][a-z0-9_]{0,39}(\.[a-z][a-z0-9_]{0,39})?$"
LANGUAGE: Final = r"^[a-z]{2,3}(-[A-Z][A-Za-z]{1,3})?$"
KEY: Final = r"^[0-9*#]$"
QUEUE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
EXTENSION: Final = re.compile(r"[0-9A-Za-z_*#+-]{1,40}")

#: Most bytes of a file, and most values (scalars, lists, mappings) and levels in it.
MOST_BYTES: Final = 256 * 1024
MOST_VALUES: Final = 20_000
MOST_LEVELS: Final = 12
MOST_NODES: Final = 300
MOST_PROMPTS: Final = 500
LONGEST_TEXT: Final = 1_000
MOST_LANGUAGES: Final = 20
#: How deep flows may call flows.
MOST_CALLS: Final = 8
#: How many nodes a caller may pass without being asked anything, and how often they may be asked. Whoever gets there
#: goes to the default queue.
MOST_VISITS: Final = 500
MOST_WAITS: Final = 300
#: Longest value of a variable.
LONGEST_VALUE: Final = 200

#: What is known of the caller and the call when a flow begins, or after a lookup; flags are ``yes`` or ``no``.
GIVEN: Final = {
    "caller.known": "exactly one customer has this number, or was found by the number that was keyed in",
    "caller.vip": "the customer's tier is above the standard one",
    "caller.tier": "key of the customer's tier, for example gold",
    "caller.withheld": "the caller's number is withheld",
    "caller.locale": "language of the customer's record, for example zh",
    "caller.priority": "the tier's priority in queues",
    "call.dialled": "the number that was dialled",
    "call.pbx": "the PBX that the call came in at",
    "customer.number": "the customer's number, after a lookup of it",
    "ticket.open": "the customer has an open ticket",
    "ticket.number": "its number, when the company allows that it is spoken",
    "ticket.kind": "consultation, complaint or service_request",
    "ticket.state": "new, open or waiting",
}
#: Those that tell nothing about a person: they are kept in the clear.
PLAIN: Final = frozenset(
    {"caller.known", "caller.vip", "caller.tier", "caller.withheld", "caller.locale", "caller.priority"}
    | {"call.dialled", "call.pbx", "ticket.open", "ticket.kind", "ticket.state"}
)
