"""What consents and suppressions are called on the pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hotline.web.desktop.words import N_

#: Channel → (icon, name).
CHANNELS: Final[Mapping[str, tuple[str, str]]] = {
    "email": ("mail", N_("Email")),
    "sms": ("sms", N_("SMS")),
    "whatsapp": ("chat", N_("WhatsApp")),
    "voice": ("phone", N_("Calls")),
    "inapp": ("device", N_("In the app")),
}
PURPOSES: Final[Mapping[str, str]] = {"marketing": N_("Marketing"), "service": N_("Service")}
ACTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "granted": (N_("agreed"), "badge-active"),
    "withdrawn": (N_("took it back"), "badge-warn"),
}
SOURCES: Final[Mapping[str, str]] = {
    "message": N_("by a message"),
    "call": N_("in a call"),
    "link": N_("by the link in a message"),
    "form": N_("on a form"),
    "provider": N_("told by the provider"),
    "agent": N_("written down by a colleague"),
    "api": N_("by a program"),
    "import": N_("by a list"),
    "merge": N_("by merging"),
}
#: How somebody may have said what a colleague writes down.
HOW: Final[Mapping[str, str]] = {
    "agent": N_("In person, or another way"),
    "call": N_("In a call"),
    "form": N_("On a form or a contract"),
    "message": N_("In a letter or a message"),
}
REASONS: Final[Mapping[str, str]] = {
    "opt_out": N_("They said no"),
    "complaint": N_("They marked it as spam"),
    "bounce": N_("Mail comes back"),
    "invalid": N_("Does not exist"),
    "agent": N_("A colleague stopped it"),
}
SCOPES: Final[Mapping[str, str]] = {"all": N_("everything"), "marketing": N_("marketing only")}
