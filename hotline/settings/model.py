"""Every setting with its default, its limits and its description, from which docs/settings.md is generated."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from hotline.settings.mail import ImapServer, SmtpServer, imap_server, readable_by, smtp_server
from hotline.settings.values import (
    DIAL_INTERNAL,
    DIAL_OUT,
    EMBEDDED,
    AccountTokens,
    Bind,
    BindSetting,
    Command,
    DialFormat,
    Folder,
    Networks,
    OptionalBind,
    Origins,
    Pbxs,
    Region,
    Secrets,
    Voices,
    Words,
    Zone,
    dial_formats,
    url_check,
)


def _default_data_dir() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "hotline"


class Settings(BaseModel):
    """Every setting of hotline. Secrets never show in ``repr`` or in an error."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True)

    # The records
    database_url: Annotated[SecretStr, url_check("postgresql", "postgres", also=EMBEDDED)] = Field(
        SecretStr(EMBEDDED),
        description=(
            "`embedded` starts PostgreSQL in the data folder; else "
            "`postgresql://user:password@host/name`, version 16 or later."
        ),
    )
    database_pool: int = Field(16, ge=2, le=200, description="Most connections that one process holds to PostgreSQL.")
    data_dir: Folder = Field(
        default_factory=_default_data_dir,
        description=(
            "Folder of what hotline keeps on disk: the embedded PostgreSQL, the journal of PBX events, the secret key "
            "if none is set, customers' files, imports and exports, the list of who was erased, the head of the audit "
            "trail; prompts and recordings unless they have folders of their own."
        ),
    )
    redis_url: Annotated[SecretStr, url_check("redis", "rediss", "unix", empty=True)] = Field(
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
        30,
        ge=1,
        le=3650,
        description="How many days events, finished PBX commands and jobs, ended sign-ins and what callers "
        "keyed in are kept.",
    )

    # The web
    http_bind: BindSetting = Field(
        Bind("127.0.0.1", 8080),
        description="Address that the desk and the API listen on, `HOST:PORT`; port 0 picks a free one.",
    )
    public_url: Annotated[str, url_check("http", "https", empty=True)] = Field(
        "",
        description=(
            "Address at which browsers reach hotline, `https://hotline.example.com`; empty: taken from "
            "the bind address. With https, cookies are marked Secure."
        ),
    )
    trusted_proxies: Networks = Field(
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
    timezone: Zone = Field(
        ZoneInfo("UTC"),
        description="The company's time zone, `Europe/Berlin`; instants are kept in UTC and shown in it.",
    )

    # The PBX
    ami_urls: Pbxs = Field(
        (),
        description=(
            "The Asterisk managers, `ami://user:secret@host:5038/name` (`amis://` for TLS, port 5039), "
            "several by comma; special characters percent-encoded. The name marks the PBX's calls for "
            "good: do not change it. After it may stand `?auth=md5` (never send the secret in the clear) "
            "or `plain`, and `?verify=no` (believe any certificate)."
        ),
    )
    ami_ca_file: Folder | None = Field(
        None,
        description=(
            "PEM file of the authority that signed the PBX's certificate, for `amis://` with a private "
            "one; empty: the system's."
        ),
    )
    region: Region = Field("US", description="Country, two letters, to which a number without + belongs.")
    dial_out: Annotated[dict[str, DialFormat], dial_formats(DIAL_OUT, ("e164", "digits", "national"))] = Field(
        DIAL_OUT,
        description=(
            "How the PBX dials an outside number, `NAME=00{digits}@context`, several by comma, NAME being"
            " the PBX's (without it: every other PBX). `{e164}` is +4930123456, `{digits}` 4930123456, "
            "`{national}` the number as dialled inside its country, 030123456."
        ),
    )
    dial_internal: Annotated[dict[str, DialFormat], dial_formats(DIAL_INTERNAL, ("extension",))] = Field(
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
            "Address that the dialplan's FastAGI asks, `HOST:PORT`; served when `HOTLINE_AGI_KEY` is set. "
            "On a PBX's dialplan: `agi://HOST:4573/PBX/KEY/flow/main`, PBX being the name in "
            "`HOTLINE_AMI_URLS`."
        ),
    )
    agi_key: SecretStr = Field(
        SecretStr(""),
        description=(
            "Key in the FastAGI address of the dialplan, which has no other password; make one with "
            "`openssl rand -hex 16`. Empty: no IVR, calls go from the dialplan to the queue."
        ),
    )
    agi_sources: Networks = Field(
        (),
        description=(
            "Addresses or networks of the PBXs that may ask for FastAGI, several by comma; empty: this "
            "machine and the hosts of `HOTLINE_AMI_URLS`."
        ),
    )
    flows_dir: Folder | None = Field(
        None,
        description=(
            "Folder of the company's own IVR flows, `*.yaml`, beside the shipped ones; one of the same name stands for "
            "the shipped one. Changed files are used within seconds; `hotline flow check` tells what would be refused."
        ),
    )

    # Sound
    speech_command: Command = Field(
        ("espeak-ng", "-b", "1", "-s", "150", "-v", "{voice}", "-f", "{text_file}", "-w", "{out}"),
        description=(
            "Command that reads a text aloud, for the IVR's prompts: `{text_file}` holds the text (UTF-8), `{out}` is "
            "the WAV file that it writes, `{voice}` the language's voice. `none`: only recorded prompts are heard."
        ),
    )
    speech_voices: Voices = Field(
        {},
        description=(
            "Voices of the speech command by language, `en=en-gb,zh=cmn-latn-pinyin`; for a language that is not "
            "named: espeak-ng's `en-us` and `cmn-latn-pinyin`."
        ),
    )
    media_url: Annotated[str, url_check("http", "https", empty=True)] = Field(
        "",
        description=(
            "Address at which the PBXs fetch prompts from hotline and send recordings to it, "
            "`http://10.0.0.5:8080`; empty: the bind address. A PBX on another host needs it."
        ),
    )
    prompts_dir: Folder | None = Field(
        None,
        description=(
            "Folder of the prompts' sound files, which can be made anew at any time; empty: `prompts` in the data "
            "folder. Several processes may share one."
        ),
    )
    recordings_dir: Folder | None = Field(
        None,
        description=(
            "Folder of voicemails and recorded calls, encrypted; empty: `recordings` in the data folder. Several "
            "machines need a shared one. Back it up with the database."
        ),
    )

    # Messages
    twilio_account_sid: str = Field(
        "",
        pattern=r"^(AC[0-9a-fA-F]{32})?$",
        description="The Twilio account, `AC…`; empty: Twilio is off and its webhooks are refused.",
    )
    twilio_auth_token: AccountTokens = Field(
        (),
        description=(
            "Auth token of the Twilio account. Several by comma while it is rotated: each is believed in webhooks, the "
            "first is used. Tokens of sub-accounts as `ACxxxx:token`."
        ),
    )
    twilio_api_url: Annotated[str, url_check("http", "https", empty=True)] = Field(
        "",
        description=(
            "Address that stands for all of Twilio's API, for example a proxy's or a simulated Twilio's; empty: "
            "Twilio's own."
        ),
    )
    twilio_sip_url: str = Field(
        "",
        pattern=r"^(sips?:([A-Za-z0-9_.+-]{1,64}@)?[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(;transport=(udp|tcp|tls))?)?$",
        description=(
            "Where Twilio reaches the Asterisk, `sip:hotline@pbx.example.com:5061;transport=tls`: callers of Twilio "
            "then wait in its queues. Empty: hotline rings the agents' phones by Twilio itself."
        ),
    )
    twilio_timeout: float = Field(
        10, ge=1, le=60, description="Seconds that one request to Twilio may take before its outcome counts as unknown."
    )
    smtp_url: Annotated[SecretStr, readable_by(smtp_server)] = Field(
        SecretStr(""),
        description=(
            "Mail relay, `smtp://user:password@host:587` (`smtps://…:465` for TLS from the first byte); after it may "
            "stand `?starttls=yes` (only encrypted; `auto`: when it offers it) and `?verify=no` (any certificate will "
            "do). Empty: no mail is sent."
        ),
    )
    push_connections: int = Field(
        10,
        ge=1,
        le=100,
        description=(
            "Connections to the mail relay over which one process sends campaigns; agents' mail has its own beside "
            "them."
        ),
    )
    push_lines: int = Field(
        2,
        ge=1,
        le=100,
        description=(
            "Telephone lines that campaigns by voice may use at once; the next person is called when one of them is "
            "free."
        ),
    )
    dkim_key_file: Folder | None = Field(
        None,
        description=(
            "PEM file of the private key by which hotline signs what campaigns send by mail (DKIM); empty: the relay "
            "signs, or nobody. Signing takes a few milliseconds for each mail: relays do it faster."
        ),
    )
    dkim_selector: str = Field(
        "hotline",
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$",
        description=(
            "Name of that key in the DNS: its public half stands at `NAME._domainkey.` before the sender's domain."
        ),
    )
    mail_lmtp_bind: OptionalBind = Field(
        None,
        description=(
            "Address at which the mail server hands mail over by LMTP, `127.0.0.1:2424`; empty: none. It has no "
            "password: see `HOTLINE_MAIL_LMTP_SOURCES`."
        ),
    )
    mail_lmtp_sources: Networks = Field(
        (),
        description=(
            "Addresses or networks of the mail servers that may hand mail over, several by comma; empty: this machine."
        ),
    )
    link_keys: Secrets = Field(
        (),
        description=(
            "Keys of the links in messages (unsubscribe, clicks), 16 characters or more each; the first is used, the "
            "others, after commas, still read. Empty: a key of the installation, which outlives a change of "
            "`HOTLINE_SECRET_KEY`. Links that were sent under it are read always."
        ),
    )
    app_origins: Origins = Field(
        (),
        description=(
            "Origins of the company's own pages that show customers their in-app messages, "
            "`https://shop.example.com`, several by comma. Apps outside a browser need none."
        ),
    )
    imap_url: Annotated[SecretStr, readable_by(imap_server)] = Field(
        SecretStr(""),
        description=(
            "Mailbox that is read, `imaps://user:password@host/INBOX`; after it may stand `?verify=no`. Messages stay "
            "in it, marked as read. Empty: none."
        ),
    )

    # The process
    dispatch: Literal["child", "here", "off"] = Field(
        "child",
        description=(
            "Where campaigns are sent: `child`, a process of their own beside this one, which is started while there "
            "is something to send; `here`, in this process; `off`, not on this machine (`hotline dispatch` elsewhere)."
        ),
    )
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
    def smtp(self) -> SmtpServer | None:
        """The mail relay."""
        text = self.smtp_url.get_secret_value()
        return smtp_server(text) if text else None

    @property
    def imap(self) -> ImapServer | None:
        """The mailbox that is read."""
        text = self.imap_url.get_secret_value()
        return imap_server(text) if text else None

    @property
    def base_url(self) -> str:
        """The address to show and to build links from, without a slash at its end."""
        return self.public_url.rstrip("/") or f"http://{self.http_bind}"
