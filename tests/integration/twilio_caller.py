"""Somebody who calls a Twilio number: performs the documents that hotline answers, as Twilio does, until a verb takes
the caller elsewhere. It speaks to the workflows; the webhooks' door has tests of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from pydantic import SecretStr

from hotline.settings import Settings
from hotline.settings.values import AccountToken
from hotline.workflows.house import House
from hotline.workflows.twilio import twilio_voice
from tests.conftest import prompts_folder
from tests.twiml import Verb, said, verbs

ACCOUNT = "AC" + "1" * 32
#: What a caller does at a question: keys, nothing until its time is over (""), a sentence ("say …"), or they hang up.
Act = str | None


def twilio_settings() -> dict[str, Any]:
    """The settings of a Twilio account whose callers wait at an Asterisk."""
    return {
        "public_url": "https://hotline.example.com",
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": (AccountToken("", SecretStr("token of the tests")),),
        "twilio_sip_url": "sip:queue@pbx.example.com",
    }


def twilio_house(house: House, settings: Settings, **more: object) -> House:
    """The same house with a Twilio account."""
    changed: dict[str, Any] = {**twilio_settings(), "prompts_dir": prompts_folder(), **more}
    return House(db=house.db, bus=house.bus, keyring=house.keyring, settings=settings.model_copy(update=changed))


@dataclass
class TwilioCaller:
    """One call. ``acts`` are used one for each verb that takes an answer."""

    house: House
    acts: list[Act] = field(default_factory=list)
    number: str = "+4930123456"
    to: str = "+4930999000"
    message_seconds: float = 3.0
    sid: str = field(default_factory=lambda: f"CA{uuid4().hex}")
    documents: list[str] = field(default_factory=list)
    hung_up: bool = False

    def form(self, **more: str) -> dict[str, str]:
        """What Twilio sends with each request."""
        return {
            "AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "CallSid": self.sid, "CallStatus": "in-progress",
            "Called": self.to, "Caller": self.number, "Direction": "inbound", "From": self.number, "To": self.to,
            **more,
        }  # fmt: skip

    def keys(self) -> tuple[str, ...]:
        """The keys by which the door claims a request of its own."""
        return (f"twilio:token:{uuid4()}",)

    async def ring(self) -> str:
        """The call's first webhook; its document."""
        at = self.house.clock()
        return self._got(await twilio_voice.arrive(self.house, self.form(CallStatus="ringing"), self.keys(), at))

    async def answer(self, url: str, **more: str) -> str:
        """Go on at an address; its document."""
        assert url.startswith(f"{self.house.settings.base_url}{twilio_voice.RESUME}?")
        step = parse_qs(urlsplit(url).query)["n"][0]
        return self._got(await twilio_voice.resume(self.house, self.form(**more), step, self.keys()))

    async def run(self) -> Verb:
        """Call, and do as the documents say; the verb that the caller ends with."""
        return await self.go_on(await self.ring())

    async def go_on(self, document: str) -> Verb:
        """Do as a document says, and the ones that follow."""
        while True:
            verb = next(each for each in verbs(document) if each.name not in ("Say", "Play", "Pause"))
            match verb.name:
                case "Gather":
                    document = await self._gathered(verb)
                case "Record":
                    document = await self._recorded(verb)
                case "Redirect":
                    document = await self.answer(verb.text)
                case _:
                    return verb
            if self.hung_up:
                return verb

    async def end(self) -> str | None:
        """The call is over: the outcome of its session."""
        return await twilio_voice.gone(self.house, self.sid)

    @property
    def heard(self) -> list[str]:
        """Everything that was said, in order."""
        return [text for document in self.documents for text in said(document)]

    def _got(self, document: str) -> str:
        self.documents.append(document)
        return document

    def _act(self) -> Act:
        return self.acts.pop(0) if self.acts else ""

    async def _gathered(self, gather: Verb) -> str:
        most, finish = int(gather["numDigits"]), gather.attributes.get("finishOnKey", "#")
        act = self._act()
        if act is not None and most > 1 and len(act) == 1 and act != finish:
            more = self._act()  # the first key alone, the rest with what they do next: as the PBX's callers
            act = None if more is None else act + more
        if act is None:
            self.hung_up = True
            await self.end()
            return ""
        if act.startswith("say "):
            return await self.answer(gather["action"], SpeechResult=act.removeprefix("say "), Confidence="0.9")
        keys, ended, rest = act.partition(finish) if finish else (act, "", "")
        if len(keys) >= most:
            left = keys[most:] + ended + rest
            keys, ended = keys[:most], ""
            if left:
                self.acts.insert(0, left)  # typed ahead
        return await self.answer(gather["action"], Digits=keys, FinishedOnKey=ended)

    async def _recorded(self, record: Verb) -> str:
        act = self._act()
        if act is None:
            self.hung_up = True
        sent = {
            "RecordingSid": f"RE{uuid4().hex}",
            "RecordingUrl": f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/RE",
            "RecordingDuration": str(int(self.message_seconds)),
            "Digits": "hangup" if self.hung_up else act or "",
        }
        status = "completed" if self.hung_up else "in-progress"
        document = await self.answer(record["action"], CallStatus=status, **sent)
        if self.hung_up:
            await self.end()
        return document
