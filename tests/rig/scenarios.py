"""SIPp scenarios as text: a phone that is rung, and a caller. Times are milliseconds after the step before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

ENDLESS: Final = 3_600_000

Behaviour = Literal["answer", "busy", "decline", "never", "forward"]

SDP: Final = """v=0
o=sipp 53655765 2353687637 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
a=sendrecv
"""
#: With keys as telephone events (RFC 4733): SIPp always sends them as payload type 96.
SDP_EVENTS: Final = SDP.replace("RTP/AVP 0", "RTP/AVP 0 96").replace(
    "a=sendrecv", "a=rtpmap:96 telephone-event/8000\na=fmtp:96 0-16\na=sendrecv"
)
#: How long SIPp takes before the first key and for each; what begins to play earlier cuts off what plays.
LEAD_SECONDS: Final = 0.6
KEY_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Digits:
    """Keys pressed on a phone while it talks, ``after`` seconds from the step before; told as most phones do (RFC 4733)
    or by SIP INFO."""

    after: float
    keys: str
    by: Literal["info", "rfc4733"] = "info"


def phone(
    behaviour: Behaviour,
    *,
    answer_after: float = 1.0,
    hangup_after: float | None = None,
    digits: tuple[Digits, ...] = (),
    forward_to: str = "",
) -> str:
    """A phone that waits for calls; each call is handled the same way, several at once.

    It rings ``answer_after`` seconds before it answers or declines; "busy" and "forward" say so without ringing.
    """
    refusals = {"busy": "486 Busy Here", "forward": "302 Moved Temporarily"}
    if behaviour in refusals:
        contact = f"Contact: <sip:{forward_to}@[remote_ip]:[remote_port]>" if forward_to else ""
        return _scenario(_INVITED, _send(_reply(refusals[behaviour], contact)), '<recv request="ACK"/>')
    wait = ENDLESS if behaviour == "never" else _milliseconds(answer_after)
    here = f"[$local];{_TAG}"
    return _scenario(
        _INVITED,
        _send(_reply("180 Ringing", _CONTACT)),
        f'<recv request="CANCEL" timeout="{wait}" ontimeout="answer"/>',
        _send(_reply("200 OK")),
        _send(_reply("487 Request Terminated", cseq="[$cseq] INVITE")),
        '<recv request="ACK" next="over"/>',
        '<label id="answer"/>',
        *([_send(_reply("603 Decline")), '<recv request="ACK" next="over"/>'] if behaviour == "decline" else []),
        _send(_reply("200 OK", _CONTACT, body=_sdp(digits)), retransmit=True),
        '<recv request="ACK"/>',
        *_press(digits, "[next_url]", here, "[$remote]", cseq=1),
        *_talk(hangup_after),
        _send(_request("BYE", "[next_url]", here, "[$remote]", cseq=1 + _keys(digits)), retransmit=True),
        '<recv response="200"/>',
        '<label id="over"/>',
    )


def caller(
    to: str,
    number: str,
    *,
    name: str = "",
    withheld: Literal["", "anonymous", "privacy"] = "",
    hangup_after: float | None = None,
    digits: tuple[Digits, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> str:
    """One call to ``to``; ``hangup_after`` counts from the answer, or from the start when nobody answers. ``headers``
    are further ones of the INVITE, as Twilio makes them of a SIP address's.

    ``withheld``: "anonymous" sends no number at all, "privacy" sends it as a network does that trusts the PBX
    (P-Asserted-Identity with Privacy: id).
    """
    sender = f'"{name}" <sip:{number}@[local_ip]:[local_port]>' if name else f"<sip:{number}@[local_ip]:[local_port]>"
    extra = [_CONTACT, *(f"{header}: {value}" for header, value in (headers or {}).items())]
    if withheld:
        sender = '"Anonymous" <sip:anonymous@anonymous.invalid>'
        extra.append("Privacy: id")
    if withheld == "privacy":
        extra.append(f"P-Asserted-Identity: <sip:{number}@[local_ip]>")
    url = f"sip:{to}@[remote_ip]:[remote_port]"
    here, there = f"{sender};{_TAG}", f"<{url}>"
    answered = f"{there}[peer_tag_param]"
    wait = ENDLESS if hangup_after is None else _milliseconds(hangup_after)
    patience = f'timeout="{wait}" ontimeout="cancel"'
    return _scenario(
        _send(_request("INVITE", url, here, there, *extra, body=_sdp(digits)), retransmit=True),
        *(f'<recv response="{code}" optional="true" {patience}/>' for code in _PROVISIONAL),
        *(f'<recv response="{code}" optional="true" {patience} next="refused"/>' for code in _REFUSED),
        f'<recv response="200" rrs="true" {patience}/>',
        _send(_request("ACK", "[next_url]", here, answered, branch="ack")),
        *_press(digits, "[next_url]", here, answered, cseq=2),
        *_talk(hangup_after),
        _send(_request("BYE", "[next_url]", here, answered, cseq=2 + _keys(digits)), retransmit=True),
        '<recv response="200" next="over"/>',
        '<label id="cancel"/>',
        _send(_request("CANCEL", url, here, there), retransmit=True),
        '<recv response="200"/>',
        '<recv response="487"/>',
        '<label id="refused"/>',
        _send(_request("ACK", url, here, answered)),
        '<label id="over"/>',
    )


_PROVISIONAL: Final = (100, 180, 181, 182, 183)
_REFUSED: Final = (403, 404, 408, 480, 484, 486, 487, 488, 500, 503, 600, 603)
_CONTACT: Final = "Contact: <sip:[local_ip]:[local_port];transport=[transport]>"
_TAG: Final = "tag=[pid]rig[call_number]"
_INVITED: Final = """<recv request="INVITE" rrs="true"><action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="remote"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="local"/>
<ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="cseq"/>
</action></recv>
<Reference variables="local,remote,cseq"/>"""


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))


def _scenario(*steps: str) -> str:
    body = "\n".join(steps)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="rig">\n{body}\n</scenario>\n'


def _send(message: str, *, retransmit: bool = False) -> str:
    attribute = ' retrans="500"' if retransmit else ""
    return f"<send{attribute}><![CDATA[\n{message}\n]]></send>"


def _press(digits: tuple[Digits, ...], url: str, sender: str, to: str, cseq: int) -> list[str]:
    """Press keys; each SIP INFO has the next CSeq."""
    steps = []
    for press in digits:
        steps.append(f'<pause milliseconds="{_milliseconds(press.after)}"/>')
        if press.by == "rfc4733":
            steps.append(f'<nop><action><exec play_dtmf="{press.keys}"/></action></nop>')
            steps.append(f'<pause milliseconds="{_milliseconds(LEAD_SECONDS + KEY_SECONDS * len(press.keys))}"/>')
            continue
        for key in press.keys:
            body = f"Signal={key}\nDuration=100\n"
            info = _request("INFO", url, sender, to, cseq=cseq, body=body, kind="application/dtmf-relay")
            steps += [_send(info, retransmit=True), '<recv response="200"/>']
            cseq += 1
    return steps


def _keys(digits: tuple[Digits, ...]) -> int:
    """How many requests of the dialog the keys take."""
    return sum(len(press.keys) for press in digits if press.by == "info")


def _sdp(digits: tuple[Digits, ...]) -> str:
    return SDP_EVENTS if any(press.by == "rfc4733" for press in digits) else SDP


def _talk(hangup_after: float | None) -> list[str]:
    """Wait for the other side to hang up, at most ``hangup_after`` seconds, then go on to the own BYE."""
    wait = ENDLESS if hangup_after is None else _milliseconds(hangup_after)
    return [
        f'<recv request="BYE" timeout="{wait}" ontimeout="hangup"/>',
        _send(_reply("200 OK", tag=False)),
        '<nop next="over"/>',
        '<label id="hangup"/>',
    ]


def _reply(status: str, contact: str = "", *, cseq: str = "", tag: bool = True, body: str = "") -> str:
    return "\n".join(
        [
            f"SIP/2.0 {status}",
            "[last_Via:]",
            "[last_From:]",
            f"[last_To:];{_TAG}" if tag else "[last_To:]",
            "[last_Call-ID:]",
            f"CSeq: {cseq}" if cseq else "[last_CSeq:]",
            *([contact] if contact else []),
            *_body(body),
        ]
    )


def _request(
    method: str,
    url: str,
    sender: str,
    to: str,
    *extra: str,
    branch: str = "",
    cseq: int = 1,
    body: str = "",
    kind: str = "application/sdp",
) -> str:
    # CANCEL and the ACK of a refusal belong to the INVITE's transaction: same branch.
    branch = branch or ("invite" if method in ("INVITE", "CANCEL", "ACK") else f"{method.lower()}{cseq}")
    return "\n".join(
        [
            f"{method} {url} SIP/2.0",
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK-[pid]-[call_number]-{branch}",
            f"From: {sender}",
            f"To: {to}",
            "Call-ID: [call_id]",
            f"CSeq: {cseq} {method}",
            "Max-Forwards: 70",
            *extra,
            *_body(body, kind),
        ]
    )


def _body(body: str, kind: str = "application/sdp") -> list[str]:
    return [f"Content-Type: {kind}", "Content-Length: [len]", "", body] if body else ["Content-Length: 0", ""]
