"""Why rows of an import were refused, in English; the desk translates these sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from hotline.customers.import_record import Reason


def N_(message: str) -> str:  # noqa: N802 - the usual name
    """Marks a message for the catalogues."""
    return message


#: What is wrong with a row, by code. ``{detail}`` is a number or two.
REASONS: Final[Mapping[str, str]] = {
    "no_name": N_("No name stands in this row."),
    "phone": N_("This is not a telephone number."),
    "incomplete_phone": N_("This number is not complete; write it with its area code or as +country number."),
    "spoiled": N_("A spreadsheet rounded this number; make the column text before saving."),
    "email": N_("This is not an email address."),
    "inapp": N_("This is not an in-app address."),
    "formula": N_("This is a formula or its error; save the table with values."),
    "kind": N_("Expected person or organisation."),
    "locale": N_("This is not a language."),
    "country": N_("This country is not known; write it as two letters, for example CN."),
    "tier": N_("There is no such tier."),
    "classification": N_("There is no such classification."),
    "responsible": N_("There is no such user, or several of this name; write the login."),
    "required": N_("{detail} must be filled in for a new customer."),
    "tag": N_("There is no such tag, and your role may not make one."),
    "number": N_("This is not a customer number."),
    "unknown_number": N_("There is no customer of this number."),
    "too_long": N_("At most {detail} characters."),
    "too_much": N_("This row holds more than a record can."),
    "too_many_cells": N_("The row has more cells than the table has columns ({detail}): a delimiter stands in a text."),
    "too_few_cells": N_("The row has fewer cells than the table has columns ({detail}): it is broken or was cut."),
    "cut": N_("The file ends in the middle of this row ({detail} cells): it was only half written."),
    "quote": N_("A quote is opened here and never closed."),
    "size": N_("This row is far too long for a customer."),
    "encoding": N_("Some bytes here are no text in the file's encoding."),
    "nul": N_("This row holds NUL characters: the file is damaged here."),
    "ambiguous": N_("{detail} customers have the contact points of this row; nobody knows which one is meant."),
    "transfer": N_("Somebody else is responsible for this customer, and your role may not change that."),
    "consent_state": N_("Whether they agreed is yes or no."),
    "consent_wording": N_("Consent without the words that were agreed to is none: a column must hold them."),
    "consent_time": N_("Consent without its time is none: it may have been taken back since."),
    "consent_date": N_("This is not a date."),
    "consent_future": N_("This is not yet."),
    "consent_ip": N_("This is not an address of the internet."),
    "erased": N_("This customer was erased or is gone."),
}
COLUMN: Final = N_("{column}: {reason}")
UNNAMED: Final = N_("Column {number}")


def said(
    reason: Reason,
    headings: tuple[str, ...],
    say: Callable[[str], str] = str,
    other: Callable[[str], str] = str,
) -> str:
    """A reason with its column's heading before it. ``say`` translates a message of these, ``other`` what a field
    of the company's own said."""
    message = REASONS.get(reason.code)
    told = other(reason.detail) if message is None else say(message).replace("{detail}", reason.detail)
    if reason.column is None:
        return told
    heading = headings[reason.column] if reason.column < len(headings) else ""
    heading = heading or say(UNNAMED).format(number=reason.column + 1)
    return say(COLUMN).replace("{reason}", told, 1).replace("{column}", heading, 1)
