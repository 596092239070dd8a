"""The console: what would be sent is shown on the terminal of the process that sends. For trying campaigns out."""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from hotline.workflows.house import House
from hotline.workflows.pushes.deliveries import Accepted
from hotline.workflows.pushes.push_channels import Push, PushChannel

#: Letters of a message that are shown.
MOST_SHOWN: Final = 2_000


async def send(house: House, push: Push) -> Accepted:
    """Show one message. Not in the log: logs hold nothing that is written to customers."""
    text = push.rendered.subject or push.rendered.title
    shown = "\n".join(each for each in (text, push.rendered.body) if each)[:MOST_SHOWN]
    lines = "\n".join(f"  {line}" for line in shown.splitlines())
    await asyncio.to_thread(_write, f"push {push.delivery_id}\n{lines}\n")
    return Accepted(str(push.delivery_id), None, "delivered")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


CONSOLE: Final = PushChannel(send=send, at_once=lambda _house: 4, seconds=10.0, addressless=True)
