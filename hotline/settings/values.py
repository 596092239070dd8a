"""What a setting's value can be, and how its text is read: addresses, PBXs, dial formats, lists, zones.

A ``ValueError`` here says what is expected and never repeats the value, since it may be a secret.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

import phonenumbers
from pydantic import BeforeValidator, SecretStr

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


@dataclass(frozen=True, slots=True)
class AccountToken:
    """An auth token of a Twilio account; ``account`` is empty for the main one."""

    account: str
    token: SecretStr


#: What HOTLINE_SPEECH_COMMAND says when no prompt shall be made by a command.
NO_SPEECH: Final = "none"

#: "*" stands for every PBX without a format of its own.
DIAL_OUT: Final = {"*": DialFormat("{e164}", "hotline-out")}
DIAL_INTERNAL: Final = {"*": DialFormat("{extension}", "hotline-agents")}


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _origins(value: object) -> object:
    parts = _split(value)
    for part in parts if isinstance(parts, tuple) else ():
        try:
            url = urlsplit(part)
            whole = f"{url.scheme}://{url.netloc}" == part and url.hostname and url.username is None
        except ValueError:
            whole = False
        if not whole or url.scheme not in ("https", "http"):
            raise ValueError("expected origins as browsers write them, https://app.example.com, several by comma")
    return parts


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
    if name.lower() == "twilio":
        raise ValueError("the name twilio is taken by calls that come by Twilio")
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


def dial_formats(default: Mapping[str, DialFormat], placeholders: tuple[str, ...]) -> BeforeValidator:
    """``NAME=PREFIX{placeholder}@CONTEXT``, several by comma, over ``default``; one of ``placeholders`` in each."""

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


def url_check(*schemes: str, empty: bool = False, also: str = "") -> BeforeValidator:
    """Only addresses of ``schemes``; ``empty``: or none; ``also``: or just this word."""

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


def _account_tokens(value: object) -> object:
    if not isinstance(value, str):
        return value
    tokens = []
    for part in (part.strip() for part in value.split(",")):
        if not part:
            continue
        account, colon, token = part.rpartition(":")
        if (colon and not re.fullmatch(r"AC[0-9a-fA-F]{32}", account)) or not re.fullmatch(r"[!-~]{1,100}", token):
            raise ValueError("expected a token, several by comma; one of a sub-account as ACxxxx:token")
        tokens.append(AccountToken(account, SecretStr(token)))
    return tuple(tokens)


def _folder(value: object) -> object:
    return Path(value).expanduser() if isinstance(value, str) else value


def _command(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value == NO_SPEECH:
        return ()
    try:
        words = tuple(shlex.split(value))
    except ValueError:
        raise ValueError("expected a command with its options; a quote is not closed") from None
    if not words or not all(any(place in word for word in words) for place in ("{text_file}", "{out}")):
        raise ValueError("expected a command with {text_file} and {out}, for example espeak-ng -f {text_file} -w {out}")
    return words


def _voices(value: object) -> object:
    if not isinstance(value, str):
        return value
    voices = dict(part.strip().split("=", 1) for part in value.split(",") if "=" in part)
    if len(voices) != value.count(",") + 1 or not all(
        re.fullmatch(r"[a-z]{2,3}", language.strip()) and _VOICE.fullmatch(voice.strip())
        for language, voice in voices.items()
    ):
        raise ValueError("expected LANGUAGE=VOICE, several by comma, for example en=en-gb,zh=cmn-latn-pinyin")
    return {language.strip(): voice.strip() for language, voice in voices.items()}


_VOICE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+./ -]{0,99}")

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

OptionalBind = Annotated[Bind | None, BeforeValidator(_bind)]
BindSetting = Annotated[Bind, BeforeValidator(_bind)]
Words = Annotated[tuple[str, ...], BeforeValidator(_split)]
Origins = Annotated[tuple[str, ...], BeforeValidator(_origins)]
Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_secrets)]
AccountTokens = Annotated[tuple[AccountToken, ...], BeforeValidator(_account_tokens)]
Folder = Annotated[Path, BeforeValidator(_folder)]
Networks = Annotated[tuple[IpNetwork, ...], BeforeValidator(_networks)]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
Region = Annotated[str, BeforeValidator(_region)]
Pbxs = Annotated[tuple[PbxAddress, ...], BeforeValidator(_pbxs)]
Command = Annotated[tuple[str, ...], BeforeValidator(_command)]
Voices = Annotated[dict[str, str], BeforeValidator(_voices)]
