"""Reading the settings out of the environment and a ``.env`` file."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from pydantic import ValidationError

from hotline.errors import SettingError
from hotline.settings.model import Settings

PREFIX: Final = "HOTLINE_"


def setting_names() -> list[str]:
    """Every setting as the environment spells it, in the order of the docs."""
    return [PREFIX + name.upper() for name in Settings.model_fields]


def load_settings(environ: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> Settings:
    """The settings of ``environ`` (default: the process's own) over those of ``env_file``.

    An empty value counts as not set. Raises SettingError: one line that names each wrong setting, no value.
    """
    found: dict[str, str] = {}
    if env_file is not None and env_file.is_file():
        try:
            found.update((name, value or "") for name, value in dotenv_values(env_file, interpolate=False).items())
        except (OSError, UnicodeDecodeError):
            raise SettingError(f"{env_file}: cannot be read as UTF-8 text") from None
    found.update(os.environ if environ is None else environ)
    ours = {name: value.strip() for name, value in found.items() if name.startswith(PREFIX)}
    known = setting_names()
    for name in sorted(ours):
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            raise SettingError(f"{name}: no such setting" + (f"; did you mean {close[0]}?" if close else ""))
    try:
        return Settings(**{name.removeprefix(PREFIX).lower(): value for name, value in ours.items() if value})
    except ValidationError as error:
        lines = [
            f"{PREFIX}{str(problem['loc'][0]).upper()}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise SettingError("; ".join(lines)) from None
