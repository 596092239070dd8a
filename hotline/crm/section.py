"""What every section of the company's settings is made of."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

Locale = Literal["en", "zh"]
Announcement = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Notice = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Voice = Annotated[str, StringConstraints(strip_whitespace=True, max_length=80, pattern=r"^([A-Za-z][A-Za-z0-9._-]+)?$")]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class Section(BaseModel):
    """A group of settings that are read and written together; every one has a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    section: ClassVar[str]
    #: Whether a person must have proved lately who they are to change it.
    guarded: ClassVar[bool] = False
