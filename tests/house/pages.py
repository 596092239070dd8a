"""The pages of docs/ that are written from the code: ``make docs`` writes them, a test holds them against it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from hotline.crm.viewer import PERMISSIONS, SHIPPED_ROLES
from hotline.events import EVENT_TYPES
from hotline.ivr.schema import schema_text
from hotline.settings import PREFIX, Settings

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
WRITTEN: Final = "<!-- Written by `make docs`; change the descriptions in the code. -->\n"

#: Defaults that are worked out at the start, in words.
WORKED_OUT: Final = {
    "data_dir": "`~/.local/share/hotline`",
    "node": "host name and process id",
    "dial_out": "`{e164}@hotline-out`",
    "dial_internal": "`{extension}@hotline-agents`",
}


def settings_page() -> str:
    """docs/settings.md."""
    lines = [
        "# Settings",
        WRITTEN,
        "Environment variables, or lines `NAME=value` of a file `.env` in the folder where hotline starts; the",
        "environment wins, an empty value counts as not set. A wrong or unknown `HOTLINE_` name stops the start with",
        "one line that names it (exit code 2). `hotline doctor` tries what they point at.",
        "",
        "| Setting | Default | Meaning |",
        "| --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        description = (field.description or "").replace("|", "\\|")
        lines.append(f"| `{PREFIX}{name.upper()}` | {_default(name, field)} | {description} |")
    lines += [
        "",
        "On Kubernetes set `enableServiceLinks: false`, or name the Service something else than `hotline`: the links",
        "of a Service `hotline` are variables such as `HOTLINE_PORT`, which are not settings.",
    ]
    return "\n".join(lines) + "\n"


def _default(name: str, field: FieldInfo) -> str:
    if name in WORKED_OUT:
        return WORKED_OUT[name]
    value = field.default
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    if value is PydanticUndefined or value in (None, "", (), {}):
        return "empty"
    if isinstance(value, tuple) and all(type(word) is str for word in value):
        return f"`{' '.join(value)}`"
    return f"`{value}`"


def reference_page() -> str:
    """docs/reference.md."""
    lines = [
        "# Events, permissions, roles",
        WRITTEN,
        "## Events",
        "`GET /api/v1/events` is a stream of server-sent events; the fields of each are in the OpenAPI document at",
        "`/api/v1/openapi.json`. A client that reconnects sends `Last-Event-ID`, gets a `snapshot`, then what it",
        "missed, and drops doubles by `event_id`.",
        "",
        "| Event | When |",
        "| --- | --- |",
        *(f"| `{name}` | {sentence} |" for name, sentence in EVENT_TYPES.items()),
        "",
        "## Permissions",
        "A role holds permissions; a token has `all` of its user's, or some.",
        "",
        "| Permission | Allows |",
        "| --- | --- |",
        *(f"| `{name}` | {sentence} |" for name, sentence in PERMISSIONS.items()),
        "",
        "## Roles that come with hotline",
        "",
        "| Role | Permissions |",
        "| --- | --- |",
        *(f"| {role} | {_list(granted)} |" for role, granted in SHIPPED_ROLES.items()),
    ]
    return "\n".join(lines) + "\n"


def _list(permissions: tuple[str, ...]) -> str:
    if set(permissions) == set(PERMISSIONS):
        return "all"
    return ", ".join(f"`{name}`" for name in permissions)


PAGES: Final[dict[str, Callable[[], str]]] = {
    "settings.md": settings_page,
    "reference.md": reference_page,
    "flow.schema.json": schema_text,
}


def main() -> None:
    """Write every generated page."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())


if __name__ == "__main__":
    main()
