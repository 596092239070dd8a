"""The map of keys: every key that a page listens to, with what it does. Shown by ``?``; a test compares it with the
pages and scripts."""

from __future__ import annotations

from typing import Final

from hotline.web.desktop.words import N_

#: (heading, ((key, what it does), …)). Keys with Alt or Ctrl work while typing too.
KEYS: Final = (
    (
        N_("Calls"),
        (
            ("Alt A", N_("Open the ringing call")),
            ("Alt D", N_("Decline the ringing call")),
            ("Alt O", N_("Pass the call on")),
            ("Alt M", N_("Pause or resume the recording")),
            ("Alt E", N_("End the call")),
            ("Alt 1", N_("Outcome of the call, Alt 1 to 6")),
            ("Alt W", N_("Finish the wrap-up")),
            ("Alt P", N_("Your presence: queues and pauses")),
        ),
    ),
    (
        N_("Tickets and notes"),
        (
            ("Alt N", N_("To the note; reply or note")),
            ("Alt B", N_("Back to what you left")),
            ("Ctrl Enter", N_("Save")),
            ("Alt R", N_("Save and resolve the ticket; close the conversation")),
            ("Alt T", N_("Take the ticket or the conversation")),
            ("Alt C", N_("Call back")),
            ("Alt Z", N_("Undo what was done last")),
        ),
    ),
    (
        N_("Messages"),
        (
            ("Alt Q", N_("Macros: replies that stand ready")),
            ("Alt U", N_("Attach a file")),
            ("Alt S", N_("Put the conversation aside, or go on with it")),
        ),
    ),
    (
        N_("Lists"),
        (
            ("J", N_("Next row")),
            ("K", N_("Previous row")),
            ("Enter", N_("Open the row")),
            ("X", N_("Choose the row, where rows can be chosen")),
            ("N", N_("New: a ticket, a customer, a message")),
            ("R", N_("Show what changed in a list")),
            ("/", N_("Search in the list")),
        ),
    ),
    (
        N_("Everywhere"),
        (
            ("Ctrl K", N_("Search customers, tickets, pages and actions")),
            ("F6", N_("Next column, or from the menu to the page")),
            ("Esc", N_("Close what is open")),
            ("?", N_("This map")),
        ),
    ),
)

#: What an empty desk reminds of.
AT_THE_DESK: Final = ("Alt A", "Alt D", "Alt E", "Alt B", "Ctrl Enter", "Alt 1", "Alt W", "Ctrl K")


def at_the_desk() -> tuple[tuple[str, str], ...]:
    """The keys that an empty desk reminds of, with what they do."""
    words = {key: what for _, keys in KEYS for key, what in keys}
    return tuple((key, words[key]) for key in AT_THE_DESK)
