"""Which PBXs there are: those of ``HOTLINE_AMI_URLS``, and those that an administrator entered at the desk.

What the environment says wins: a PBX of the same name there stands for the one that was entered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from pydantic import SecretStr

from hotline.crm.commands.company import stored_pbxs as commands
from hotline.crm.viewer import Viewer
from hotline.customers.text import one_line
from hotline.errors import Conflict, Invalid
from hotline.settings import PbxAddress
from hotline.workflows.house import House

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_HOST: Final = re.compile(r"[A-Za-z0-9._:-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
PORT: Final = 5038
TLS_PORT: Final = 5039


class NewPbx(TypedDict, total=False):
    """A PBX as it is entered. ``tls`` and ``verify``: over TLS, and only with a certificate that is right."""

    name: str
    host: str
    port: int | None
    user: str
    secret: str
    tls: bool
    verify: bool


@dataclass(slots=True)
class _Environment:
    """The PBXs of the environment, as they were before others were added to the settings."""

    addresses: tuple[PbxAddress, ...]


def cleaned(data: NewPbx) -> PbxAddress:
    """The address. Raises Invalid, which names the field."""
    name = one_line(data.get("name", ""), "name", 63, needed=True)
    if not _NAME.fullmatch(name):
        raise Invalid("name: letters, digits, dot, dash and underscore only.")
    host = one_line(data.get("host", ""), "host", 253, needed=True)
    if not _HOST.fullmatch(host):
        raise Invalid("host: expected a host name or an address.")
    tls = bool(data.get("tls"))
    port = data.get("port") or (TLS_PORT if tls else PORT)
    if not 0 < port < 65536:
        raise Invalid("port: from 1 to 65535.")
    texts = {}
    for field, longest in (("user", 100), ("secret", 200)):
        text = str(data.get(field, ""))
        if not text:
            raise Invalid(f"{field}: something must stand here.")
        if len(text) > longest or any(ord(letter) < 32 for letter in text):
            raise Invalid(f"{field}: at most {longest} characters, and no control characters.")
        texts[field] = text
    return PbxAddress(
        name,
        host.removeprefix("[").removesuffix("]"),
        port,
        tls,
        texts["user"],
        SecretStr(texts["secret"]),
        verify=bool(data.get("verify", True)),
    )


def from_environment(house: House) -> tuple[PbxAddress, ...]:
    """The PBXs of ``HOTLINE_AMI_URLS``, which nobody changes at the desk."""
    kept: _Environment = house.kept.setdefault(_Environment, _Environment(house.settings.ami_urls))
    return kept.addresses


async def refresh(house: House) -> tuple[PbxAddress, ...]:
    """Read the PBXs that were entered at the desk anew and put them into the house's settings; all there are now."""
    fixed = from_environment(house)
    taken = {address.name for address in fixed}
    entered = await commands.read_pbxs(house.db, house.keyring)
    everything = (*fixed, *(_address(name, each) for name, each in entered.items() if name not in taken))
    if everything != house.settings.ami_urls:
        house.settings = house.settings.model_copy(update={"ami_urls": everything})
    return everything


async def keep(house: House, viewer: Viewer, address: PbxAddress) -> None:
    """Enter a PBX, or change one that was entered. Raises Conflict for one of the environment."""
    viewer.require("settings.write")
    if any(address.name == each.name for each in from_environment(house)):
        raise Conflict("name: this PBX is set by HOTLINE_AMI_URLS; change it there.")
    async with house.unit(viewer) as uow:
        await commands.keep_pbx(
            uow,
            address.name,
            {
                "host": address.host,
                "port": address.port,
                "tls": address.tls,
                "user": address.user,
                "secret": address.secret.get_secret_value(),
                "verify": address.verify,
            },
        )
    await refresh(house)


async def drop(house: House, viewer: Viewer, name: str) -> None:
    """Forget a PBX that was entered. Raises NotFound, and Conflict for one of the environment."""
    viewer.require("settings.write")
    if any(name == each.name for each in from_environment(house)):
        raise Conflict("name: this PBX is set by HOTLINE_AMI_URLS; change it there.")
    async with house.unit(viewer) as uow:
        await commands.drop_pbx(uow, name)
    await refresh(house)


def _address(name: str, stored: dict[str, Any]) -> PbxAddress:
    return PbxAddress(
        name,
        stored["host"],
        stored["port"],
        stored["tls"],
        stored["user"],
        SecretStr(stored["secret"]),
        verify=stored["verify"],
    )
