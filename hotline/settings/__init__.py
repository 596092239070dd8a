"""The settings: environment variables ``HOTLINE_*`` or lines of a ``.env`` file; the environment wins.

A wrong or unknown setting stops the start with one line that names it (``SettingError``); the line never
repeats the value, since it may be a secret. docs/settings.md is generated from the descriptions in ``model``.
"""

from hotline.settings.load import PREFIX, load_settings, setting_names
from hotline.settings.model import Settings
from hotline.settings.values import EMBEDDED, AccountToken, Bind, DialFormat, IpNetwork, PbxAddress

__all__ = [
    "EMBEDDED",
    "PREFIX",
    "AccountToken",
    "Bind",
    "DialFormat",
    "IpNetwork",
    "PbxAddress",
    "Settings",
    "load_settings",
    "setting_names",
]
