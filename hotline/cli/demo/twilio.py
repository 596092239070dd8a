"""The demo's Twilio: an account on this machine with one number, and people outside who call it and write to it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from time import time
from typing import Any, Final

from pydantic import SecretStr

from hotline.cli.demo.people import AGENTS, CALLERS, QUEUE
from hotline.crm.queries.people.users import list_users
from hotline.crm.viewer import SYSTEM
from hotline.errors import Conflict, NotFound
from hotline.settings import AccountToken, Settings
from hotline.simulator.twilio import Line, Message, SimulatedTwilio
from hotline.workflows.calls.presence import Member, mirror_members
from hotline.workflows.house import open_house
from hotline.workflows.people.users import update_user
from hotline.workflows.twilio.twilio_setup import MESSAGES, VOICE, WHATSAPP, keep_senders

#: The company's number at Twilio, for calls, SMS and WhatsApp: one of those kept for fiction.
NUMBER: Final = "+12025550100"
#: The same at each start: senders belong to an account, and who approved a campaign approved them, too.
ACCOUNT: Final = "AC" + "de" * 16
#: Who answers callers of Twilio from the start.
SIGNED_IN: Final = 2
#: What the page shows at most.
_MOST: Final = 40
_WHATSAPP: Final = "whatsapp:"


def phone_of(login: str) -> str:
    """The telephone by which Twilio rings an agent of the demo."""
    return f"client:{login}"


class DemoTwilio:
    """What the page shows of the simulated Twilio, and what its buttons do."""

    def __init__(self) -> None:
        self.twilio = SimulatedTwilio(account_sid=ACCOUNT, pace=1.0, token=secrets.token_hex(16))
        self._names = {caller.number: caller.name for caller in CALLERS}
        self._began: dict[str, float] = {}

    async def start(self) -> None:
        """Listens on this machine."""
        await self.twilio.start()

    async def close(self) -> None:
        """Everything ends."""
        await self.twilio.close()

    def joined(self, settings: Settings) -> Settings:
        """The settings with which hotline uses it; its number leads to hotline."""
        base = settings.base_url
        number = {name: f"{base}{path}" for name, path in {**VOICE, **MESSAGES}.items()}
        self.twilio.add_number(NUMBER, **number)
        self.twilio.add_sender(NUMBER, **{name: f"{base}{path}" for name, path in WHATSAPP.items()})
        return settings.model_copy(
            update={
                "twilio_account_sid": self.twilio.account_sid,
                "twilio_auth_token": (AccountToken("", SecretStr(self.twilio.token)),),
                "twilio_api_url": self.twilio.url,
            }
        )

    def reach(self, settings: Settings, address: str) -> None:
        """hotline listens at this address; a public one may not lead here from this machine."""
        own = f"http://{settings.http_bind}" if settings.public_url else address
        self.twilio.hooks.reach = settings.base_url, own.rstrip("/")

    async def prepare(self, settings: Settings) -> None:
        """Keeps the number as a sender; gives the first agents a telephone at Twilio, and signs them in."""
        house = await open_house(settings, migrate=True)
        try:
            account = {"account_sid": self.twilio.account_sid, "country": "US", "name": "", "service_sid": None}
            await keep_senders(
                house,
                [
                    {"channel": channel, "address": NUMBER, "provider_sid": None, "capabilities": [channel], **account}
                    for channel in ("voice", "sms", "whatsapp")
                ],
            )
            logins = [agent.login for agent in AGENTS if agent.extension][:SIGNED_IN]
            members = []
            for user in await list_users(house.db, SYSTEM, limit=200, with_disabled=False):
                if user.login not in logins:
                    continue
                if phone_of(user.login) not in user.interfaces:
                    interfaces = [*user.interfaces, phone_of(user.login)]
                    await update_user(house, SYSTEM, user.id, {"interfaces": interfaces})
                members.append(Member(QUEUE, phone_of(user.login), user.name, status=1))
            await mirror_members(house, "twilio", members)
        finally:
            await house.close()

    # What the page shows

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Tells of every change; gives what ends that."""
        return self.twilio.on_change(watcher)

    def state(self) -> Mapping[str, Any]:
        """Messages, calls and telephones that ring."""
        own = (NUMBER, f"{_WHATSAPP}{NUMBER}")
        messages = [
            self._message(each, mine=each.to in own)
            for each in self.twilio.messages.all.values()
            if each.to in own or each.status in ("delivered", "read")
        ]
        lines = [line for line in self.twilio.lines.values() if not line.over.is_set()]
        callers = [self._call(line) for line in lines if line.call.direction == "inbound"]
        phones = [self._phone(line) for line in lines if line.call.direction != "inbound"]
        return {"number": NUMBER, "messages": messages[-_MOST:], "calls": callers, "phones": phones}

    def _message(self, message: Message, *, mine: bool) -> dict[str, Any]:
        other = message.from_ if mine else message.to
        number = other.removeprefix(_WHATSAPP)
        return {
            "id": message.sid,
            "mine": mine,
            "number": number,
            "name": self._names.get(number, ""),
            "channel": "whatsapp" if other.startswith(_WHATSAPP) else "sms",
            "text": message.body or message.content_sid or "",
            "at": message.at.timestamp(),
        }

    def _call(self, line: Line) -> dict[str, Any]:
        heard = [{"kind": each.kind, "what": each.what, "language": each.language} for each in line.heard[-_MOST:]]
        return {
            "id": line.call.sid,
            "number": line.call.from_,
            "name": self._names.get(line.call.from_, ""),
            "doing": line.doing,
            "since": self._since(line),
            "heard": heard,
        }

    def _phone(self, line: Line) -> dict[str, Any]:
        address = line.call.to.removeprefix("client:")
        name = next((agent.name for agent in AGENTS if agent.login == address), self._names.get(address, ""))
        ringing = line.call.started_at is None
        return {"id": line.call.sid, "address": address, "name": name, "state": "ringing" if ringing else "talking"}

    def _since(self, line: Line) -> float:
        return self._began.setdefault(line.call.sid, time())

    # What its buttons do

    async def write(self, number: str, channel: str, text: str) -> None:
        """Somebody writes to the company. Raises Conflict when hotline did not take it."""
        before = len(self.twilio.hooks.errors)
        if channel == "whatsapp":
            name = self._names.get(number, "")
            await self.twilio.messages.write(f"{_WHATSAPP}{number}", f"{_WHATSAPP}{NUMBER}", text, ProfileName=name)
        else:
            await self.twilio.messages.write(number, NUMBER, text)
        if len(self.twilio.hooks.errors) > before:
            raise Conflict("hotline did not take the message; its log says why.")

    def call(self, number: str) -> str:
        """Somebody calls the company; the call's id."""
        return self.twilio.call(number, NUMBER).call.sid

    def press(self, sid: str, keys: str) -> None:
        """They press keys."""
        self._line(sid).press(keys)

    def say(self, sid: str, text: str) -> None:
        """They say something: an answer, or the message that is recorded."""
        line = self._line(sid)
        if line.doing == "record":
            line.record(silence(seconds=max(2, len(text) // 12)), max(2, len(text) // 12), text, end="#")
        else:
            line.speak(text)

    def act(self, sid: str, verb: str) -> None:
        """Somebody answers, declines or hangs up."""
        line = self._line(sid)
        if verb == "answers":
            # Who answers takes the call: what is asked of agents before is answered by the key 1.
            line.answer()
            line.press("1")
        elif verb == "declines":
            line.decline("busy")
        else:
            line.hang_up()

    def _line(self, sid: str) -> Line:
        line = self.twilio.lines.get(sid)
        if line is None or line.over.is_set():
            raise NotFound("This call is over.")
        return line


def silence(*, seconds: int) -> bytes:
    """A WAV file in which nothing is heard: 8000 samples a second, 16 bits."""
    data = bytes(2 * 8000 * seconds)
    head = b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt "
    form = (16).to_bytes(4, "little") + b"\x01\x00\x01\x00" + (8000).to_bytes(4, "little")
    form += (16000).to_bytes(4, "little") + b"\x02\x00\x10\x00"
    return head + form + b"data" + len(data).to_bytes(4, "little") + data
