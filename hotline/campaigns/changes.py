"""What changed between two manifests, for a reviewer: values side by side, texts word by word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final, Literal

from hotline.campaigns.content import as_written
from hotline.campaigns.manifest import OF_SUBMISSION, differences

Part = tuple[Literal["same", "gone", "new"], str]

#: Ids and hashes of what is shown by itself, and what is made out of the content as it was written.
_HIDDEN: Final = re.compile(
    r"^(campaign\b.*|segment\.(id|version_id|sha256)|recipients\.sha256"
    r"|variants\.[^.]+\.(variant|template_id|version_id|sha256)"
    r"|sender\.(id|account_sid|service_sid))$"
)
_WORDS: Final = re.compile(r"\s+|https?://[^\s<>\"']+|[A-Za-z0-9_'’]+|[^\x00-\x7f]|.", re.DOTALL)
#: Texts with more words than this are shown whole, the old and the new.
_MOST_WORDS: Final = 4_000


@dataclass(frozen=True, slots=True)
class Change:
    """One place: ``variants.A.content.locales.en.body``. ``before`` and ``after`` are JSON values, None for none;
    ``parts`` are of a text that changed in places."""

    path: str
    before: Any
    after: Any
    parts: tuple[Part, ...] = ()


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[tuple[Change, ...], int]:
    """What differs in what is sent, to whom and when; and how many of the things that a manifest holds are as they
    were."""
    shown = ("recipients",)
    kept = [
        {key: value for key, value in _written(each).items() if key not in OF_SUBMISSION or key in shown}
        for each in (before, after)
    ]
    found = tuple(
        Change(each.path, each.before, each.after, _parts(each.before, each.after))
        for each in differences(kept[0], kept[1])
        if not _HIDDEN.match(each.path)
    )
    touched = {each.path.partition(".")[0] for each in found}
    return found, len({*kept[0], *kept[1]} - touched - {"campaign"})


def _written(content: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with its texts as their authors wrote them; what was made of them says the same again."""
    channel = content["channel"]
    arms = [
        {
            **arm,
            "content": {
                **arm["content"],
                "locales": {locale: as_written(channel, each) for locale, each in arm["content"]["locales"].items()},
            },
        }
        for arm in content["variants"]
    ]
    fallbacks = {sender["address"]: sender["name"] for sender in content["fallback_senders"]}
    return {**content, "variants": arms, "fallback_senders": fallbacks}


def _parts(before: Any, after: Any) -> tuple[Part, ...]:
    if not isinstance(before, str) or not isinstance(after, str):
        return ()
    old, new_words = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) + len(new_words) > _MOST_WORDS:
        return ()
    found: list[Part] = []
    gone, new, between = "", "", ""
    for tag, a, b, c, d in SequenceMatcher(None, old, new_words, autojunk=False).get_opcodes():
        same = "".join(old[a:b]) if tag == "equal" else ""
        if same and not (same.isspace() and (gone or new)):
            found += _changed(gone, new)
            found.append(("same", between + same))
            gone, new, between = "", "", ""
        elif same:
            # Words between which nothing but a space stayed are read as one change.
            between = same
        else:
            gone, new = gone + between + "".join(old[a:b]), new + between + "".join(new_words[c:d])
            between = ""
    found += _changed(gone, new)
    if between:
        found.append(("same", between))
    return tuple(found)


def _changed(gone: str, new: str) -> list[Part]:
    parts: list[Part] = [("gone", gone), ("new", new)]
    return [part for part in parts if part[1]]
