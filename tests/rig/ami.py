"""A small manager client of the rig's own, so that tests never judge hotline by hotline's own reader."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

Event = Mapping[str, str]


class Ami:
    """One manager session: actions with their answers, events as they come, the raw stream as a tape."""

    def __init__(self, port: int, user: str, secret: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.settimeout(None)
        self._ids = itertools.count(1)
        self._changed = threading.Condition()
        self._answers: dict[str, Event] = {}
        self.events: list[Event] = []
        self._tape = bytearray()
        self._recording = False
        self._closed = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        answer = self.action("Login", Username=user, Secret=secret)
        if answer["Response"] != "Success":
            raise ConnectionError(f"the manager refused the login: {answer.get('Message')}")

    def __enter__(self) -> Ami:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the session."""
        self._closed = True
        self._socket.close()

    def action(self, name: str, timeout: float = 30, **fields: str) -> Event:
        """Send an action and wait for its answer (the first message with its ActionID)."""
        action_id = f"rig-{next(self._ids)}"
        lines = [
            f"Action: {name}",
            f"ActionID: {action_id}",
            *(f"{key}: {value}" for key, value in fields.items()),
        ]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        with self._changed:
            if not self._changed.wait_for(lambda: action_id in self._answers or self._closed, timeout):
                raise TimeoutError(f"no answer to {name}")
            if action_id not in self._answers:
                raise ConnectionError(f"the manager closed before it answered {name}")
            return self._answers.pop(action_id)

    def wait(self, what: str, matches: Callable[[Event], bool], timeout: float = 40) -> Event:
        """The first event that matches, past or to come. ``what`` names it in the error."""
        found: list[Event] = []

        def seen() -> bool:
            found[:] = [event for event in self.events if matches(event)][:1]
            return bool(found)

        with self._changed:
            if not self._changed.wait_for(seen, timeout):
                raise TimeoutError(f"the PBX did not say: {what}")
        return found[0]

    def channels(self) -> list[Event]:
        """The channels that exist now."""
        start = len(self.events)
        self.action("CoreShowChannels")
        self._wait_from(start, "CoreShowChannelsComplete")
        return [event for event in self.events[start:] if event["Event"] == "CoreShowChannel"]

    def _wait_from(self, start: int, name: str) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: any(e["Event"] == name for e in self.events[start:]), 30):
                raise TimeoutError(f"the PBX did not say: {name}")

    def record(self) -> None:
        """Start the tape."""
        self._recording = True

    def tape(self) -> bytes:
        """What came since ``record``, as it came."""
        with self._changed:
            return bytes(self._tape)

    def save_tape(self, target: Path) -> None:
        """Write the tape to a file."""
        target.write_bytes(self.tape())

    def _read(self) -> None:
        pending = b""
        while True:
            try:
                chunk = self._socket.recv(65536)
            except OSError:
                chunk = b""
            if not chunk:
                with self._changed:
                    self._closed = True
                    self._changed.notify_all()
                return
            pending += chunk
            *messages, pending = pending.split(b"\r\n\r\n")
            for message in messages:
                self._take(message)

    def _take(self, message: bytes) -> None:
        fields: dict[str, str] = {}
        for line in message.decode("utf-8", "replace").split("\r\n"):
            key, colon, value = line.partition(":")
            if colon:
                fields[key] = value.strip()
        with self._changed:
            if "Response" in fields and "ActionID" in fields:
                self._answers[fields["ActionID"]] = fields
            elif "Event" in fields:
                self.events.append(fields)
                if self._recording and not fields.get("ActionID", "").startswith("rig-"):
                    self._tape += message + b"\r\n\r\n"
            self._changed.notify_all()
