"""The settings: environment variables ``HOTLINE_*`` or lines of a ``.env`` file; the environment wins.

A wrong or unknown setting stops the start with one line that names it (``SettingError``); the line never
repeats the value, since it may be a secret. docs/settings.md is generated from the descriptions here.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

import phonenumbers
from dotenv import dotenv_values
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from hotline.errors import SettingError

PREFIX: Final = "HOTLINE_"
EMBEDDED: Final = "embedded"


AuthMethod = Literal["auto", "md5", "plain"]
AUTH_METHODS: Final[tuple[AuthMethod, ...]] = ("auto", "md5", "plain")


class Bind(NamedTuple):
    """An address to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PbxAddress:
    """One PBX's manager interface (AMI). ``name`` prefixes every id that this PBX gives out.

    ``auth`` auto: plain over TLS or on this machine, else MD5, and plain only when the PBX has no MD5; ``verify``
    False: any certificate will do.
    """

    name: str
    host: str
    port: int
    tls: bool
    user: str
    secret: SecretStr
    auth: AuthMethod = "auto"
    verify: bool = True


@dataclass(frozen=True, slots=True)
class DialFormat:
    """Where the PBX's dialplan takes a number: ``extension`` holds one placeholder."""

    extension: str
    context: str


#: "*" stands for every PBX without a format of its own.
DIAL_OUT: Final = {"*": DialFormat("{e164}", "hotline-out")}
DIAL_INTERNAL: Final = {"*": DialFormat("{extension}", "hotline-agents")}


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _bind(value: object) -> object:
    if not isinstance(value, str):
        return value
    host, _, port = value.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("expected HOST:PORT, for example 127.0.0.1:8080")
    return Bind(host, int(port))


def _pbx(text: str) -> PbxAddress:
    expected = "expected ami://USER:SECRET@HOST:PORT/NAME (amis:// for TLS; special characters percent-encoded)"
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        raise ValueError(expected) from None
    if url.scheme not in ("ami", "amis") or not host or not url.username or url.password is None:
        raise ValueError(expected)
    if url.fragment:
        raise ValueError(expected)
    auth, verify = _pbx_options(url.query)
    name = unquote(url.path.strip("/")) or host
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", name):
        raise ValueError("the PBX's NAME may hold letters, digits, dot, dash and underscore only")
    user, secret = unquote(url.username), unquote(url.password)
    if any(ord(character) < 32 for character in user + secret):
        raise ValueError("the user and the secret must not hold control characters")
    tls = url.scheme == "amis"
    port = port or (5039 if tls else 5038)
    return PbxAddress(name, host, port, tls, user, SecretStr(secret), auth, verify)


def _pbx_options(query: str) -> tuple[AuthMethod, bool]:
    """``?auth=auto|md5|plain&verify=yes|no``."""
    options = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := sorted(options.keys() - {"auth", "verify"}):
        raise ValueError(f"unknown option {unknown[0]} after the PBX's name; there are auth and verify")
    auth, verify = options.get("auth", "auto"), options.get("verify", "yes")
    if verify not in ("yes", "no"):
        raise ValueError("verify= after the PBX's name is yes or no")
    for method in AUTH_METHODS:
        if auth == method:
            return method, verify == "yes"
    raise ValueError("auth= after the PBX's name is auto, md5 or plain")


def _pbxs(value: object) -> object:
    if not isinstance(value, str):
        return value
    addresses = tuple(_pbx(part.strip()) for part in value.split(",") if part.strip())
    names = [address.name for address in addresses]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two PBXs are called {doubled[0]}; give each its own /NAME")
    return addresses


def _dial_formats(default: Mapping[str, DialFormat], placeholders: tuple[str, ...]) -> BeforeValidator:
    def parse(value: object) -> object:
        if not isinstance(value, str):
            return value
        formats = dict(default)
        for part in (part.strip() for part in value.split(",")):
            if not part:
                continue
            name, has_name, rest = part.partition("=")
            extension, _, context = (rest if has_name else part).partition("@")
            used = re.findall(r"\{(\w+)\}", extension)
            plain = re.sub(r"\{\w+\}", "", extension)
            if len(used) != 1 or used[0] not in placeholders or not re.fullmatch(r"[0-9+*#A-Za-z_-]*", plain):
                names = " or ".join(f"{{{placeholder}}}" for placeholder in placeholders)
                raise ValueError(f"expected NAME=PREFIX{names}@CONTEXT with exactly one placeholder")
            if not re.fullmatch(r"[A-Za-z0-9_-]+", context):
                raise ValueError("expected a dialplan context after @, of letters, digits, dash and underscore")
            formats[name.strip() if has_name else "*"] = DialFormat(extension, context)
        return formats

    return BeforeValidator(parse)


def _region(value: object) -> object:
    if isinstance(value, str):
        value = value.strip().upper()
        if value not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError("expected a country as two letters (ISO 3166), for example GB or CN")
    return value


def _zone(value: object) -> object:
    if isinstance(value, str):
        try:
            return ZoneInfo(value)
        except (
            OSError,
            ValueError,
            KeyError,
        ):  # ZoneInfoNotFoundError is a KeyError, which pydantic lets through
            raise ValueError("expected a time zone, for example Europe/Berlin or Asia/Shanghai") from None
    return value


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in value.split(",") if part.strip())
    except ValueError:
        raise ValueError(
            "expected IP addresses or networks, several by comma, for example 127.0.0.1,10.0.0.0/8"
        ) from None


def _url(*schemes: str, empty: bool = False, also: str = "") -> BeforeValidator:
    def check(value: object) -> object:
        if not isinstance(value, str) or (empty and not value) or (also and value == also):
            return value
        try:
            url = urlsplit(value)
            usable = url.scheme in schemes and (bool(url.hostname) or url.scheme == "unix" or "host=" in url.query)
            _ = url.port
        except ValueError:
            usable = False
        if not usable:
            choices = " or ".join(f"{scheme}://…" for scheme in schemes)
            raise ValueError(f"expected {f'{also} or ' if also else ''}{choices}")
        return value

    return BeforeValidator(check)


def _secrets(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = tuple(part.strip() for part in value.split(",") if part.strip())
    if any(len(part) < 16 for part in parts):
        raise ValueError("each key needs at least 16 characters; make one with: openssl rand -base64 32")
    return parts


def _folder(value: object) -> object:
    return Path(value).expanduser() if isinstance(value, str) else value


def _default_data_dir() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "hotline"


BindSetting = Annotated[Bind, BeforeValidator(_bind)]
Words = Annotated[tuple[str, ...], BeforeValidator(_split)]
Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_secrets)]
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class Settings(BaseModel):
    """Every setting of hotline. Secrets never show in ``repr`` or in an error."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True)

    # The records
    database_url: Annotated[SecretStr, _url("postgresql", "postgres", also=EMBEDDED)] = Field(
        SecretStr(EMBEDDED),
        description=(
            "`embedded` starts PostgreSQL in the data folder; else "
            "`postgresql://user:password@host/name`, version 16 or later."
        ),
    )
    database_pool: int = Field(16, ge=2, le=200, description="Most connections that one process holds to PostgreSQL.")
    data_dir: Annotated[Path, BeforeValidator(_folder)] = Field(
        default_factory=_default_data_dir,
        description=(
            "Folder of what hotline keeps on disk: the embedded PostgreSQL, the journal of PBX events, "
            "the secret key if none is set."
        ),
    )
    redis_url: Annotated[SecretStr, _url("redis", "rediss", "unix", empty=True)] = Field(
        SecretStr(""),
        description=(
            "Redis or Valkey as the bus between several machines, `redis://host:6379/0`; empty: PostgreSQL is the bus."
        ),
    )
    secret_key: Secrets = Field(
        (),
        description=(
            "Master key of all personal data, 16 characters or more; the first is used, the others, after"
            " commas, still read (rotation). Empty: made once in the data folder. Several machines need "
            "the same one. Losing it loses the personal data."
        ),
    )
    retention_days: int = Field(
        30, ge=1, le=3650, description="How many days the event outbox and finished PBX commands are kept."
    )

    # The web
    http_bind: BindSetting = Field(
        Bind("127.0.0.1", 8080),
        description="Address that the desk and the API listen on, `HOST:PORT`; port 0 picks a free one.",
    )
    public_url: Annotated[str, _url("http", "https", empty=True)] = Field(
        "",
        description=(
            "Address at which browsers reach hotline, `https://hotline.example.com`; empty: taken from "
            "the bind address. With https, cookies are marked Secure."
        ),
    )
    trusted_proxies: Annotated[tuple[IpNetwork, ...], BeforeValidator(_networks)] = Field(
        (),
        description=(
            "Addresses or networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are "
            "believed, several by comma."
        ),
    )
    session_hours: int = Field(
        12, ge=1, le=720, description="Hours without use after which a sign-in to the desk ends."
    )
    sign_in_attempts: int = Field(
        5, ge=1, le=100, description="Wrong passwords in a row after which a user is locked for a while."
    )
    sign_in_lock_minutes: int = Field(
        15, ge=1, le=1440, description="Minutes for which a user is locked after too many wrong passwords."
    )
    locale: Literal["en", "zh"] = Field(
        "en", description="Language of the desk for who has not chosen one: `en` or `zh`."
    )
    timezone: Annotated[ZoneInfo, BeforeValidator(_zone)] = Field(
        ZoneInfo("UTC"),
        description="The company's time zone, `Europe/Berlin`; instants are kept in UTC and shown in it.",
    )

    # The PBX
    ami_urls: Annotated[tuple[PbxAddress, ...], BeforeValidator(_pbxs)] = Field(
        (),
        description=(
            "The Asterisk managers, `ami://user:secret@host:5038/name` (`amis://` for TLS, port 5039), "
            "several by comma; special characters percent-encoded. The name marks the PBX's calls for "
            "good: do not change it. After it may stand `?auth=md5` (never send the secret in the clear) "
            "or `plain`, and `?verify=no` (believe any certificate)."
        ),
    )
    ami_ca_file: Annotated[Path | None, BeforeValidator(_folder)] = Field(
        None,
        description=(
            "PEM file of the authority that signed the PBX's certificate, for `amis://` with a private "
            "one; empty: the system's."
        ),
    )
    region: Annotated[str, BeforeValidator(_region)] = Field(
        "US", description="Country, two letters, to which a number without + belongs."
    )
    dial_out: Annotated[dict[str, DialFormat], _dial_formats(DIAL_OUT, ("e164", "digits", "national"))] = Field(
        DIAL_OUT,
        description=(
            "How the PBX dials an outside number, `NAME=00{digits}@context`, several by comma, NAME being"
            " the PBX's (without it: every other PBX). `{e164}` is +4930123456, `{digits}` 4930123456, "
            "`{national}` the number as dialled inside its country, 030123456."
        ),
    )
    dial_internal: Annotated[dict[str, DialFormat], _dial_formats(DIAL_INTERNAL, ("extension",))] = Field(
        DIAL_INTERNAL,
        description=(
            "How the PBX dials a colleague's extension, for transfers, `NAME={extension}@context`; "
            "FreePBX: `{extension}@from-internal`."
        ),
    )
    emergency_numbers: Words = Field(
        (),
        description=(
            "Numbers that hotline never dials by itself, several by comma, beside the emergency numbers "
            "of the region, which it knows."
        ),
    )
    agi_bind: BindSetting = Field(
        Bind("127.0.0.1", 4573),
        description=(
            "Address for the dialplan's FastAGI. Checked; no version serves it yet: calls go from the "
            "dialplan to the queue."
        ),
    )
    agi_key: SecretStr = Field(
        SecretStr(""),
        description="Key in the FastAGI address of the dialplan. Checked; no version serves FastAGI yet.",
    )

    # Messages
    twilio_account_sid: str = Field(
        "",
        pattern=r"^(AC[0-9a-fA-F]{32})?$",
        description="Twilio account. Checked; no version talks to Twilio yet.",
    )
    twilio_auth_token: Annotated[tuple[SecretStr, ...], BeforeValidator(_split)] = Field(
        (),
        description="Twilio auth token, several by comma. Checked; no version talks to Twilio yet.",
    )
    twilio_api_url: Annotated[str, _url("http", "https", empty=True)] = Field(
        "", description="Another address for Twilio's API. Checked; no version talks to Twilio yet."
    )
    smtp_url: Annotated[SecretStr, _url("smtp", "smtps", empty=True)] = Field(
        SecretStr(""),
        description="Mail relay, `smtp://user:password@host:587`. Checked; no version sends mail yet.",
    )

    # The process
    node: str = Field(
        default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$",
        description=(
            "Name of this process among several, shown on the system page; empty: the host's name and the process id."
        ),
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged: `debug`, `info`, `warning` or `error`."
    )
    log_format: Literal["console", "json"] = Field(
        "console", description="Log lines for people (`console`) or machines (`json`)."
    )

    @property
    def base_url(self) -> str:
        """The address to show and to build links from, without a slash at its end."""
        return self.public_url.rstrip("/") or f"http://{self.http_bind}"


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
