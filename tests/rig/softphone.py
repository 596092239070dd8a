"""A telephone that rings, answers, declines, hangs up and calls when told to; what it does with audio can be chosen.

SIP over UDP on loopback, as much of RFC 3261 as one Asterisk beside it needs. SIPp plays fixed scenarios; a recording
of what persons do, or a caller who listens, needs a phone that acts at the moment it is told.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

Address = tuple[str, int]


@dataclass
class Message:
    """One SIP message, headers in order."""

    start: str
    headers: list[tuple[str, str]]
    body: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Message:
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        return cls(start, [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)], body)

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def encode(self) -> bytes:
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers)]
        lines.append(f"Content-Length: {len(self.body.encode())}")
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


class Echo(asyncio.DatagramProtocol):
    """Sends audio back: phones without audio break a transfer with consultation."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.transport.sendto(data, addr)


@dataclass
class Dialog:
    """One call of this phone; ``outgoing`` says who sent the first INVITE."""

    outgoing: bool
    invite: Message
    peer: Address
    local: str
    remote: str
    target: str
    call_id: str
    cseq: int = 1
    state: str = "ringing"
    #: Hung up before the answer, which may be on its way.
    given_up: bool = False
    #: Where the other side wants audio, once it said so.
    media: Address | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    #: Requests inside the call that wait for their answer, by CSeq.
    asked: dict[int, asyncio.Future[int]] = field(default_factory=dict)

    def become(self, state: str) -> None:
        self.state = state
        self.changed.set()

    async def until(self, *states: str, seconds: float = 30.0) -> None:
        """Waits for one of the states; TimeoutError when none comes."""
        async with asyncio.timeout(seconds):
            while self.state not in states:
                self.changed.clear()
                await self.changed.wait()


def _branch() -> str:
    return f"z9hG4bK{secrets.token_hex(6)}"


def _media(sdp: str) -> Address | None:
    host, port = re.search(r"^c=IN IP4 (\S+)", sdp, re.M), re.search(r"^m=audio (\d+)", sdp, re.M)
    return (host[1], int(port[1])) if host and port else None


class Softphone(asyncio.DatagramProtocol):
    """One phone; ``dialogs`` holds its calls, newest last. ``audio`` makes what takes its audio packets."""

    def __init__(self, name: str, audio: Callable[[], asyncio.DatagramProtocol] = Echo, *, port: int = 0) -> None:
        self.name = name
        self._port = port
        self._audio = audio
        self.dialogs: list[Dialog] = []
        self._arrived = asyncio.Event()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", self._port))
        self._rtp, _ = await loop.create_datagram_endpoint(self._audio, local_addr=("127.0.0.1", 0))
        self.rtp_port: int = self._rtp.get_extra_info("sockname")[1]

    def close(self) -> None:
        self._transport.close()
        self._rtp.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port: int = transport.get_extra_info("sockname")[1]

    @property
    def contact(self) -> str:
        return f"<sip:{self.name}@127.0.0.1:{self.port}>"

    def _sdp(self) -> str:
        lines = ["v=0", f"o={self.name} 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
        lines += [
            f"m=audio {self.rtp_port} RTP/AVP 0 96",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:96 telephone-event/8000",
        ]
        return "\r\n".join([*lines, "a=sendrecv", ""])

    def _reply(self, request: Message, status: str, peer: Address, tag: str = "", body: str = "") -> None:
        headers = [("Via", via) for via in request.all("Via")]
        headers += [("From", request.get("From")), ("To", request.get("To") + tag)]
        headers += [
            ("Call-ID", request.get("Call-ID")),
            ("CSeq", request.get("CSeq")),
            ("Contact", self.contact),
        ]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        self._transport.sendto(Message(f"SIP/2.0 {status}", headers, body).encode(), peer)

    def _request(
        self,
        dialog: Dialog,
        method: str,
        *,
        cseq: int,
        branch: str,
        body: str = "",
        kind: str = "application/sdp",
        extra: list[tuple[str, str]] | None = None,
    ) -> None:
        headers = [("Via", f"SIP/2.0/UDP 127.0.0.1:{self.port};branch={branch}"), ("Max-Forwards", "70")]
        headers += [("From", dialog.local), ("To", dialog.remote), ("Call-ID", dialog.call_id)]
        headers += [("CSeq", f"{cseq} {method}"), ("Contact", self.contact), *(extra or [])]
        if body:
            headers.append(("Content-Type", kind))
        self._transport.sendto(Message(f"{method} {dialog.target} SIP/2.0", headers, body).encode(), dialog.peer)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        message = Message.parse(data)
        dialog = next((d for d in self.dialogs if d.call_id == message.get("Call-ID")), None)
        if message.start.startswith("SIP/2.0"):
            if dialog:
                self._answered(dialog, message)
            return
        method = message.start.split(" ", 1)[0]
        handler: Callable[[Message, Dialog | None, Address], None] = getattr(
            self, f"_on_{method.lower()}", self._on_other
        )
        handler(message, dialog, addr)

    def _answered(self, dialog: Dialog, message: Message) -> None:
        code = int(message.start.split(" ")[1])
        number, method = message.get("CSeq").split(" ")
        if code >= 200 and (asked := dialog.asked.pop(int(number), None)) and not asked.done():
            asked.set_result(code)
        if method != "INVITE" or code < 180:
            return
        dialog.media = _media(message.body) or dialog.media
        dialog.remote = message.get("To")
        if code < 200:
            dialog.become("ringing")
            return
        contact = re.search(r"<([^>]+)>", message.get("Contact"))
        if code < 300 and contact:
            dialog.target = contact.group(1)
        # The ACK of a refusal belongs to the INVITE's transaction: same branch.
        branch = _branch() if code < 300 else dialog.invite.get("Via").rpartition("branch=")[2]
        self._request(dialog, "ACK", cseq=int(number), branch=branch)
        dialog.become("up" if code < 300 else "over")
        if dialog.state == "up" and dialog.given_up:
            self.hang_up(dialog)

    def _on_invite(self, message: Message, dialog: Dialog | None, peer: Address) -> None:
        if dialog and message.get("CSeq") == dialog.invite.get("CSeq"):
            return  # it came again, since a busy machine answered late; what it was answered is on its way
        if dialog:  # a re-INVITE: hold, connected line, direct media
            self._reply(
                message,
                "200 OK",
                peer,
                "" if ";tag=" in message.get("To") else self._tag(dialog),
                self._sdp(),
            )
            return
        contact = re.search(r"<([^>]+)>", message.get("Contact"))
        tag = f";tag={secrets.token_hex(6)}"
        new = Dialog(
            False,
            message,
            peer,
            message.get("To") + tag,
            message.get("From"),
            contact.group(1) if contact else "",
            message.get("Call-ID"),
            media=_media(message.body),
        )
        self.dialogs.append(new)
        self._reply(message, "180 Ringing", peer, tag)
        self._arrived.set()

    def _on_cancel(self, message: Message, dialog: Dialog | None, peer: Address) -> None:
        self._reply(message, "200 OK", peer)
        if dialog and dialog.state == "ringing":
            self._reply(dialog.invite, "487 Request Terminated", peer, self._tag(dialog))
            dialog.become("over")

    def _on_bye(self, message: Message, dialog: Dialog | None, peer: Address) -> None:
        self._reply(message, "200 OK", peer)
        if dialog:
            dialog.become("over")

    def _on_ack(self, message: Message, dialog: Dialog | None, peer: Address) -> None:
        if dialog and dialog.state == "answering":
            dialog.become("up")

    def _on_other(self, message: Message, dialog: Dialog | None, peer: Address) -> None:
        self._reply(message, "200 OK", peer)

    @staticmethod
    def _tag(dialog: Dialog) -> str:
        return ";tag=" + dialog.local.rpartition(";tag=")[2]

    async def rings(self, seconds: float = 30.0) -> Dialog:
        """The next call that rings here."""
        async with asyncio.timeout(seconds):
            while not any(d.state == "ringing" and not d.outgoing for d in self.dialogs):
                self._arrived.clear()
                await self._arrived.wait()
        return next(d for d in self.dialogs if d.state == "ringing" and not d.outgoing)

    async def answer(self, dialog: Dialog) -> None:
        dialog.become("answering")
        self._reply(dialog.invite, "200 OK", dialog.peer, self._tag(dialog), self._sdp())
        await dialog.until("up")

    def decline(self, dialog: Dialog) -> None:
        self._reply(dialog.invite, "486 Busy Here", dialog.peer, self._tag(dialog))
        dialog.become("over")

    def hang_up(self, dialog: Dialog) -> None:
        dialog.cseq += 1
        if dialog.outgoing and dialog.state != "up":
            branch = dialog.invite.get("Via").rpartition("branch=")[2]
            dialog.remote = dialog.invite.get("To")
            dialog.target = dialog.invite.start.split(" ")[1]
            self._request(dialog, "CANCEL", cseq=1, branch=branch)
            dialog.given_up = True
            return
        self._request(dialog, "BYE", cseq=dialog.cseq, branch=_branch())
        dialog.become("over")

    async def info(self, dialog: Dialog, key: str) -> None:
        """Presses a key by SIP INFO and waits until the other side took it."""
        dialog.cseq += 1
        taken = dialog.asked[dialog.cseq] = asyncio.get_running_loop().create_future()
        body = f"Signal={key}\r\nDuration=100\r\n"
        self._request(dialog, "INFO", cseq=dialog.cseq, branch=_branch(), body=body, kind="application/dtmf-relay")
        async with asyncio.timeout(30):
            assert await taken == 200

    def call(self, number: str, server: Address, *, caller: str, name: str, withheld: bool = False) -> Dialog:
        """Calls ``number`` at ``server`` as ``caller``; a withheld call shows its number to the trusted trunk only."""
        target = f"sip:{number}@{server[0]}:{server[1]}"
        identity = '"Anonymous" <sip:anonymous@anonymous.invalid>' if withheld else f'"{name}" <sip:{caller}@127.0.0.1>'
        branch = _branch()
        invite = Message(
            f"INVITE {target} SIP/2.0",
            [("Via", f"SIP/2.0/UDP 127.0.0.1;branch={branch}"), ("To", f"<{target}>")],
        )
        dialog = Dialog(
            True,
            invite,
            server,
            f"{identity};tag={secrets.token_hex(6)}",
            f"<{target}>",
            target,
            secrets.token_hex(12),
            state="calling",
        )
        self.dialogs.append(dialog)
        extra = [("P-Asserted-Identity", f'"{name}" <sip:{caller}@127.0.0.1>'), ("Privacy", "id")] if withheld else []
        self._request(dialog, "INVITE", cseq=1, branch=branch, body=self._sdp(), extra=extra)
        return dialog
