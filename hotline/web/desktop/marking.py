"""Marking words that are translated where they are shown."""


def N_(message: str) -> str:  # noqa: N802 - the name that gettext tools look for
    """Marks a message for extraction; it is translated when it is shown."""
    return message
