"""The company's settings of Twilio's calls, of messages and of email."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from hotline.crm.section import Announcement, Line, Locale, Section, ShortText, Voice


def _https(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme != "https" or not parts.hostname):
        raise ValueError("music_url: an address with https:// before it.")
    return value


def _email(value: str) -> str:
    local, at, domain = value.rpartition("@")
    if value and (not at or not re.fullmatch(r"[A-Za-z0-9!#$%&'*/=?^_`{|}~.-]{1,40}", local) or "." not in domain):
        raise ValueError("address: an email address, support@example.com, without a +tag.")
    return value


class TwilioIvr(Section):
    """How flows sound to who calls a Twilio number, and what becomes of recordings there."""

    section: ClassVar[str] = "twilio_ivr"

    prompts: Literal["recorded", "all", "none"] = Field(
        "recorded", description="Which prompts are heard from hotline's sound files; Twilio's voices read the others."
    )
    voices: dict[Locale, Voice] = Field(
        default_factory=dict, description="Twilio's voices by language, `Polly.Joanna-Neural`; empty: the usual ones."
    )
    speech: bool = Field(True, description="Callers may say what they want instead of pressing a key.")
    transcribe: bool = Field(False, description="Twilio writes down what voicemails say, in English.")
    delete_at_twilio: bool = Field(
        False, description="Recordings are deleted at Twilio as soon as hotline has stored them."
    )


class TwilioVoice(Section):
    """How callers of Twilio come to an agent, and calls out by Twilio."""

    section: ClassVar[str] = "twilio_voice"

    route: Literal["auto", "asterisk", "direct"] = Field(
        "auto",
        description="Where callers wait: in the queues of the Asterisk at HOTLINE_TWILIO_SIP_URL, in hotline's own with"
        " agents rung by Twilio, or in the Asterisk's where there is one.",
    )
    default_queue: Annotated[Line, StringConstraints(pattern=r"^[^\s,;|&\"'`$\\{}()<>]{1,80}$")] = Field(
        "support", description="The queue of callers for whom no flow chose one."
    )
    strategy: Literal["ring_all", "longest_idle", "tiers"] = Field(
        "ring_all",
        description="Who is rung: everybody who is free, the one who had rest longest, or by the level of the skill"
        " that is named like the queue.",
    )
    ring_seconds: int = Field(20, ge=5, le=60, description="Seconds that an agent's phone rings.")
    most_waiting: int = Field(50, ge=1, le=1_000, description="Most callers who wait in one queue.")
    longest_wait_seconds: int = Field(
        900, ge=5, le=14_000, description="Seconds after which a caller goes on in their flow, at the latest."
    )
    wait_without_agents: bool = Field(False, description="Callers wait although nobody is signed in to the queue.")
    accept_key: Literal["numbers", "all", "none"] = Field(
        "numbers",
        description="Whose agents press 1 to take a call, so that no voicemail takes it: those at telephone numbers,"
        " all, or none.",
    )
    whisper: bool = Field(True, description="Agents hear who calls and what about before they are connected.")
    pause_after_missed: int = Field(
        3, ge=0, le=20, description="Calls in a row that an agent misses until they are paused; 0: never."
    )
    offer_callback: bool = Field(True, description="Who waits may press 1 to be called back instead.")
    music_url: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True), AfterValidator(_https)] = Field(
        "", description="What callers hear while they wait: the https address of an MP3 or WAV; empty: hotline's own."
    )
    detect_machines: bool = Field(
        True,
        description="Twilio tells people from answering machines when agents call out: a machine is nobody reached.",
    )


class Messages(Section):
    """Messages by SMS and WhatsApp: hotline's own answers, files, when a conversation is over."""

    section: ClassVar[str] = "messages"

    auto_answer: bool = Field(True, description="Who writes is told at once that it arrived, with the ticket's number.")
    auto_answer_hours: int = Field(
        24, ge=1, le=720, description="Hours in which nobody is told so twice, whatever they write."
    )
    auto_answer_text: dict[Locale, Announcement] = Field(
        default_factory=dict,
        description="What they are told, by language; {ticket}, {hours} and {company} are filled in. Empty: hotline's"
        " own words.",
    )
    stop_words: ShortText = Field(
        "", description="Further words, by comma, by which customers stop messages, beside those known everywhere."
    )
    stop_text: dict[Locale, Announcement] = Field(
        default_factory=dict, description="What STOP is answered, by language, once; empty: hotline's own words."
    )
    start_text: dict[Locale, Announcement] = Field(
        default_factory=dict, description="What START is answered, by language; empty: hotline's own words."
    )
    help_text: dict[Locale, Announcement] = Field(
        default_factory=dict,
        description="What HELP is answered, by language: who you are, how to reach you, what it costs, how to stop."
        " Empty: hotline's own words with the company's name, telephone and email.",
    )
    brand: Line = Field("", description="How messages name the company; empty: the company's name.")
    files_per_message: int = Field(10, ge=0, le=30, description="Most files of a message that are taken in.")
    largest_mb: int = Field(16, ge=1, le=100, description="Most megabytes of one file of a message.")
    close_after_days: int = Field(
        14, ge=1, le=365, description="Days without a message after which an answered conversation is closed."
    )


class Mail(Section):
    """Messages by email."""

    section: ClassVar[str] = "mail"

    address: Annotated[Line, AfterValidator(_email)] = Field(
        "", description="The address that customers write to and get answers from; empty: no mail is sent."
    )
    name: Line = Field("", description="The name beside it; empty: the company's name.")
    tagged_addresses: bool = Field(
        True,
        description="Answers come back to the address with a tag after a +, by which a reply finds its conversation,"
        " and a mail that did not arrive its message. The mail server must deliver address+tag as it delivers address.",
    )
    signature: dict[Locale, Announcement] = Field(
        default_factory=dict, description="What stands below each answer, by language; empty: nothing."
    )
    quote: bool = Field(True, description="An answer quotes the message that it answers.")
    largest_mb: int = Field(25, ge=1, le=100, description="Most megabytes of a mail that comes in.")
    messages_per_hour: int = Field(
        20,
        ge=2,
        le=1000,
        description="Mails of one address in an hour after which it gets no automatic answer and opens no more tickets:"
        " two machines may be talking.",
    )
    soft_bounces: int = Field(
        5, ge=1, le=100, description="Mails in a row that failed for now after which an address gets no more."
    )
