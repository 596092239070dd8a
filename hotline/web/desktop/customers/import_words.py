"""The words of imports and exports on pages; each is translated where it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hotline.web.desktop.upkeep import job_words
from hotline.web.desktop.words import N_

#: What a column can be, in groups of a menu.
TARGETS: Final[tuple[tuple[str, tuple[tuple[str, str], ...]], ...]] = (
    (
        N_("Who"),
        (
            ("name", N_("Name")),
            ("first_name", N_("First name")),
            ("last_name", N_("Last name")),
            ("organisation", N_("Company")),
            ("kind", N_("Person or organisation")),
            ("number", N_("Customer number (C10001)")),
        ),
    ),
    (
        N_("How to reach them"),
        (
            ("phone", N_("Phone")),
            ("email", N_("Email")),
            ("whatsapp", N_("WhatsApp")),
            ("inapp", N_("In-app")),
            ("locale", N_("Language")),
        ),
    ),
    (
        N_("Where"),
        (
            ("address", N_("Whole address")),
            ("street", N_("Street")),
            ("street2", N_("Street, second line")),
            ("postcode", N_("Postcode")),
            ("city", N_("City")),
            ("region", N_("Province or state")),
            ("country", N_("Country")),
        ),
    ),
    (
        N_("What they agreed to (yes or no)"),
        (
            ("consent.email.marketing", N_("Email, marketing")),
            ("consent.email.service", N_("Email, service")),
            ("consent.sms.marketing", N_("SMS, marketing")),
            ("consent.sms.service", N_("SMS, service")),
            ("consent.whatsapp.marketing", N_("WhatsApp, marketing")),
            ("consent.whatsapp.service", N_("WhatsApp, service")),
            ("consent.voice.marketing", N_("Calls, marketing")),
            ("consent.voice.service", N_("Calls, service")),
            ("consent.inapp.marketing", N_("In-app, marketing")),
            ("consent.inapp.service", N_("In-app, service")),
        ),
    ),
    (
        N_("How they agreed"),
        (
            ("consent.wording", N_("The words they agreed to")),
            ("consent.at", N_("When they said so")),
            ("consent.source", N_("How they said so")),
            ("consent.proof", N_("Where it can be looked up")),
            ("consent.ip", N_("From which address of the internet")),
        ),
    ),
    (
        N_("In this house"),
        (
            ("tier", N_("Tier")),
            ("classification", N_("Classification")),
            ("responsible", N_("Responsible")),
            ("tags", N_("Tags")),
        ),
    ),
)
GUESSED_BY: Final[Mapping[str, str]] = {
    "heading": N_("by its heading"),
    "field": N_("a field of yours"),
    "content": N_("by what stands in it"),
    "saved": N_("as saved"),
}
DUPLICATES: Final[tuple[tuple[str, str, str], ...]] = (
    ("skip", N_("Leave the record as it is"), N_("The row is counted as skipped.")),
    (
        "merge",
        N_("Complete the record"),
        N_("Takes what the record lacks, and adds numbers, addresses and tags. Nothing is overwritten."),
    ),
    (
        "update",
        N_("Update the record"),
        N_("What the file says replaces what stands there; numbers, addresses and tags are added."),
    ),
)
MATCHES: Final[tuple[tuple[str, str], ...]] = (
    ("phone", N_("Phone number, in any spelling")),
    ("email", N_("Email")),
    ("inapp", N_("In-app address")),
)
DELIMITERS: Final[Mapping[str, str]] = {
    ",": N_("Comma"),
    ";": N_("Semicolon"),
    "\t": N_("Tab"),
    "|": N_("Vertical bar"),
}
QUOTES: Final[Mapping[str, str]] = {
    '"': N_("Double quotes"),
    "'": N_("Single quotes"),
    "": N_("None"),
}
ENCODINGS: Final[Mapping[str, str]] = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "utf-32": "UTF-32",
    "gb18030": "GB 18030 (GBK, GB 2312)",
    "big5": "Big5",
    "windows-1252": "Windows-1252",
    "iso-8859-15": "ISO 8859-15",
    "windows-1250": "Windows-1250",
    "windows-1251": "Windows-1251",
    "windows-1253": "Windows-1253",
    "windows-1254": "Windows-1254",
    "shift_jis": "Shift JIS",
    "euc-kr": "EUC-KR",
}
DATE_ORDERS: Final[Mapping[str, str]] = {
    "": N_("As they look"),
    "ymd": N_("Year, month, day"),
    "dmy": N_("Day, month, year"),
    "mdy": N_("Month, day, year"),
}
#: What a job is at: a word, the badge's colour, an icon.
STATES: Final[Mapping[str, tuple[str, str, str]]] = {
    **job_words.STATES,
    "ended": (N_("ended"), "", "lock"),
    "draft": (N_("not started"), "badge-plain", "pencil"),
}
#: Why a job failed: the code of the problem.
FAILURES: Final[Mapping[str, str]] = {
    "import_reader_failed": N_("Reading the file broke the reader. Save it anew as CSV in UTF-8 and bring it again."),
    "invalid": N_("The file cannot be read to its end. What was written so far stays; bring a whole file."),
    "damaged": N_("The stored file is damaged. Bring it again."),
    "forbidden": N_("Your role does not allow this any more."),
    "no_room": N_("There is no room for it on the server's disk."),
    "export_gone": N_("This export has ended; ask for another one."),
}
#: Reasons of refused rows, summed up.
SUMMED: Final[Mapping[str, str]] = {
    "no_name": N_("no name"),
    "phone": N_("not a telephone number"),
    "incomplete_phone": N_("number not complete"),
    "spoiled": N_("number rounded by a spreadsheet"),
    "email": N_("not an email address"),
    "inapp": N_("not an in-app address"),
    "formula": N_("a formula or its error"),
    "kind": N_("neither person nor organisation"),
    "locale": N_("unknown language"),
    "country": N_("unknown country"),
    "tier": N_("unknown tier"),
    "classification": N_("unknown classification"),
    "responsible": N_("unknown user"),
    "tag": N_("unknown tag"),
    "required": N_("a required field is empty"),
    "number": N_("not a customer number"),
    "unknown_number": N_("no customer of this number"),
    "too_long": N_("text too long"),
    "too_much": N_("too much for one record"),
    "too_many_cells": N_("more cells than columns"),
    "too_few_cells": N_("fewer cells than columns"),
    "cut": N_("file ends within the row"),
    "quote": N_("quote never closed"),
    "size": N_("row far too long"),
    "encoding": N_("bytes that are no text"),
    "nul": N_("NUL characters"),
    "ambiguous": N_("fits several customers"),
    "transfer": N_("somebody else is responsible"),
    "consent_state": N_("neither yes nor no"),
    "consent_wording": N_("consent without its words"),
    "consent_time": N_("consent without its time"),
    "consent_date": N_("not a date"),
    "consent_future": N_("not yet"),
    "consent_ip": N_("not an address of the internet"),
    "erased": N_("customer is gone"),
    "field": N_("a field of yours"),
}
