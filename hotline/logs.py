"""Logs: one JSON object per line on standard error, with personal data and secrets masked in this one place.

Every room logs through ``structlog.get_logger(__name__)`` and passes ids and codes. The mask below is the second
lock on that door: what slips into a message or a field all the same (a number inside a library's exception text,
a token in an address) does not reach the file.
"""

from __future__ import annotations

import logging
import re
import sys
from collections import deque
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog

MASK: Final = "[masked]"

#: Fields that are masked whole, whatever they hold.
SECRET_FIELDS: Final = frozenset(
    {
        "address",
        "authorization",
        "caller",
        "caller_name",
        "cookie",
        "email",
        "name",
        "note",
        "number",
        "password",
        "phone",
        "query_string",
        "secret",
        "set_cookie",
        "to",
        "token",
        "value",
    }
)

#: Fields whose values are ids, times or codes and stay readable although they hold many digits.
PLAIN_FIELDS: Final = frozenset({"timestamp", "level", "logger", "request_id", "route", "pid", "port"})

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_UNIQUEID = r"\b\d{10}\.\d{1,10}\b"  # Asterisk's own channel ids: seconds since 1970, a dot, a counter
_INSTANT = r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
_KEEP = re.compile(f"{_UUID}|{_UNIQUEID}|{_INSTANT}")
_PATTERNS: Final = (
    re.compile(r"(?i)\bbearer\s+\S+"),
    re.compile(r"(?i)(?<=://)[^/\s:@]*:[^/\s@]*(?=@)"),  # user:secret@ in an address
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    re.compile(r"\+?\d(?:[ ().-]?\d){6,}"),  # seven digits and more, with the usual separators
)


def mask_text(text: str) -> str:
    """``text`` with numbers, e-mail addresses, tokens and passwords in addresses replaced; ids and instants stay."""
    parts: list[str] = []
    end = 0
    for kept in _KEEP.finditer(text):
        parts.append(_mask_run(text[end : kept.start()]))
        parts.append(kept.group())
        end = kept.end()
    parts.append(_mask_run(text[end:]))
    return "".join(parts)


def _mask_run(text: str) -> str:
    for pattern in _PATTERNS:
        text = pattern.sub(MASK, text)
    return text


def _mask_value(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return mask_text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth > 6:
        return MASK
    if isinstance(value, Mapping):
        return {
            str(k): MASK if str(k).lower() in SECRET_FIELDS else _mask_value(v, depth + 1) for k, v in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_mask_value(item, depth + 1) for item in value]
    return mask_text(str(value))


def mask(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor that masks every field of a line."""
    for key, value in fields.items():
        if key.lower() in SECRET_FIELDS:
            fields[key] = MASK
        elif key not in PLAIN_FIELDS:
            fields[key] = _mask_value(value)
    return fields


#: The last lines of this process as they were written, masked; for the support bundle.
_RECENT: Final[deque[str]] = deque(maxlen=2_000)


def recent() -> list[str]:
    """The last lines that this process logged, masked."""
    return list(_RECENT)


class _Remembering(logging.StreamHandler[TextIO]):
    """Writes lines, and remembers the last ones."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        _RECENT.append(line)
        return line


class _Unreadable(logging.Filter):
    """Drops what aiohttp says of requests that are no HTTP: its text quotes them, a cookie's secret included."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return type(error).__module__ != "aiohttp.http_exceptions"


def configure(level: str = "info", *, json: bool = True, stream: TextIO | None = None) -> None:
    """Sends structlog's and the standard library's lines, masked, to ``stream`` (standard error)."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        # What is not logged costs nothing: it goes before anything is done with it.
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _Remembering(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                mask,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These print whole frames, statements with their values or a line per request: never below a warning.
    for noisy in ("aiohttp.access", "asyncio", "tortoise", "tortoise.db_client", "panoramisk", "redis"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    server = logging.getLogger("aiohttp.server")
    if not any(isinstance(each, _Unreadable) for each in server.filters):
        server.addFilter(_Unreadable())
    # Each try of a pool whose database is away is a page of traceback; the parts that wait for it say so themselves.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
