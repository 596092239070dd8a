"""Why a template cannot be filled in for a recipient; ``reason`` is what their delivery is marked with."""

from __future__ import annotations

from typing import ClassVar

from hotline.errors import Invalid


class RenderError(Invalid):
    """This message cannot be made for this recipient."""

    code: ClassVar[str] = "cannot_render"

    def __init__(self, detail: str = "", name: str = "") -> None:
        super().__init__(detail)
        self.name = name

    @property
    def reason(self) -> str:
        """The code, with the name of the value that is the cause."""
        return f"{self.code}:{self.name}" if self.name else self.code


class MissingValue(RenderError):
    """A value that the template needs is missing and has no default."""

    code = "missing_value"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no value for {name}, and the template gives no default.", name)


class UnusableValue(RenderError):
    """A value cannot stand where the template wants it."""

    code = "unusable_value"

    def __init__(self, name: str) -> None:
        super().__init__(f"The value of {name} cannot stand here.", name)


class TooLong(RenderError):
    """With this recipient's values the message is longer than its channel carries."""

    code = "too_long"
