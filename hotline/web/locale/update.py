"""Brings the catalogues up to date with the sources: ``python -m hotline.web.locale.update``.

New messages come in empty, messages that are gone go, translations stay. A test fails while one is empty or fuzzy.
"""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

WEB: Final = Path(__file__).parent.parent
LANGUAGES: Final = ("zh",)

_NO_DATE: Final = datetime(2026, 1, 1, tzinfo=UTC)
_PYTHON_WORDS: Final = {"N_": None, "ngettext": (1, 2)}
_SCRIPT_WORDS: Final = {"t": None, "nt": (1, 2), "N_": None}
_TEMPLATE_WORDS: Final = {"_": None, "gettext": None, "ngettext": (1, 2)}


def extracted() -> Catalog:
    """Every message of the sources, with where it stands."""
    catalogue = Catalog(project="hotline", fuzzy=False)
    for folder, pattern, method, words in (
        ("desktop", "*.py", "python", _PYTHON_WORDS),
        ("../customers", "import_reasons.py", "python", _PYTHON_WORDS),
        ("templates", "*.html", "jinja2.ext:babel_extract", _TEMPLATE_WORDS),
        ("frontend", "*.js", "javascript", _SCRIPT_WORDS),
    ):
        for path in sorted((WEB / folder).rglob(pattern)):
            options = {"newstyle_gettext": "true", "parse_template_string": "true", "silent": "false"}
            found = extract(method, BytesIO(path.read_bytes()), keywords=words, options=options)
            for _, message, _, _ in found:
                catalogue.add(message, locations=[(path.relative_to(WEB).as_posix(), 0)])
    return catalogue


def path_of(language: str) -> Path:
    """Where the catalogue of a language is kept."""
    return WEB / "locale" / language / "LC_MESSAGES" / "hotline.po"


def update(language: str) -> Catalog:
    """The catalogue of a language with the sources' messages of now."""
    path = path_of(language)
    template = extracted()
    if path.is_file():
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language)
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
    else:
        catalogue = template
        catalogue.locale = language
    return catalogue


def write(catalogue: Catalog, language: str) -> None:
    """Keeps the catalogue, in an order and with a header that stay the same while its messages do."""
    catalogue.header_comment = "# hotline in another language. Update it by: python -m hotline.web.locale.update"
    catalogue.revision_date = catalogue.creation_date = _NO_DATE
    catalogue.last_translator = catalogue.language_team = catalogue.msgid_bugs_address = "hotline"
    path = path_of(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=120, sort_output=True, include_lineno=False)


if __name__ == "__main__":
    for each in LANGUAGES:
        made = update(each)
        write(made, each)
        missing = [message for message in made if message.id and not message.string]
        print(f"{each}: {len(made)} messages, {len(missing)} not translated")  # noqa: T201
