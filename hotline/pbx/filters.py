"""Filters that the PBX itself applies, so that what hotline does not use is never sent.

They belong to the session and are set again on each connection. Asterisk 22 has advanced filters (by event
name and header, cheap); older servers match one extended regular expression against the whole event
(https://docs.asterisk.org/Latest_API/API_Documentation/AMI_Actions/Filter/). The action needs the write
permission ``system``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

#: AMI 11 is Asterisk 22, the first whose every release has MatchCriteria.
ADVANCED_SINCE = 11
_WIDTH = 700  # an action's line is cut by Asterisk past 1,024 bytes

FilterHeaders = tuple[tuple[str, str], ...]


def ami_major(greeting: str | None) -> int:
    """The first number of the AMI version in the greeting, 0 when it cannot be read."""
    head = (greeting or "").split(".", 1)[0]
    return int(head) if head.isascii() and head.isdigit() else 0


def advanced_filters(events: Iterable[str], variables: Iterable[str]) -> list[FilterHeaders]:
    """One Filter action per event name, and one per variable for VarSet."""
    filters: list[FilterHeaders] = [
        (("Operation", "Add"), ("MatchCriteria", f"action(include),name({name}),method(none)"))
        for name in sorted(set(events) - {"VarSet"})
    ]
    filters += [
        (
            ("Operation", "Add"),
            ("MatchCriteria", "action(include),name(VarSet),header(Variable),method(exact)"),
            ("Filter", variable),
        )
        for variable in sorted(set(variables))
    ]
    return filters


def regex_filters(events: Iterable[str], variables: Iterable[str]) -> list[FilterHeaders]:
    """The same as regular expressions, as few as fit into Asterisk's lines.

    Seen on 16.28: they are extended (``|`` bare, where ``\\|`` matches nothing) and without REG_NEWLINE, so ``^`` is
    the start of the whole event and ``.`` crosses lines.
    """
    names = sorted(set(events) - {"VarSet"})
    filters: list[FilterHeaders] = [
        (("Operation", "Add"), ("Filter", f"^Event: ({group})[^A-Za-z_]")) for group in _groups(names)
    ]
    filters += [
        (("Operation", "Add"), ("Filter", f"^Event: VarSet.*Variable: ({group})[^A-Za-z_]"))
        for group in _groups(sorted(set(variables)))
    ]
    return filters


def _groups(words: Iterable[str]) -> Iterator[str]:
    """The words joined by ``|``, each group short enough for one line."""
    line = ""
    for word in words:
        longer = f"{line}|{word}" if line else word
        if len(longer) > _WIDTH:
            yield line
            longer = word
        line = longer
    if line:
        yield line
