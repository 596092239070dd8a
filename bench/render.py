"""Filling in a campaign's texts: messages a second on one core, beside Jinja2's sandbox, which fills in the same.

python -m bench.render
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

from jinja2.sandbox import SandboxedEnvironment

from bench.measure import tell
from hotline.campaigns.render import compile_version, render

SECONDS: Final = 2.0
SMS: Final = (
    'Hello {{ name | default("customer") }}, your {{ city }} line can be upgraded at no cost until {{ due }}. '
    "See https://shop.example.com/up?c={{ reference }} or call {{ phone }}. Reply STOP to end."
)
PARAGRAPH: Final = (
    "<p>Dear {{ name }}, your line in {{ city }} can be upgraded until {{ due }}: "
    '<a href="https://shop.example.com/up?c={{ reference }}">upgrade</a>. It costs nothing, needs no other modem and '
    "takes a minute; until then everything stays as it is.</p>\n"
)
HTML: Final = f"<!doctype html><html><body>{PARAGRAPH * 16}</body></html>"


def main() -> None:
    """Print the figures."""
    names = ("name", "city", "due", "reference", "phone")
    people = [
        {
            "customer.name": f"Ann Bell {at}",
            "custom.city": "Ulm & Co",
            "custom.due": "1 December",
            "customer.reference": f"C{at}",
            "company.phone": "+49 30 1234",
        }
        for at in range(1_000)
    ]
    known = dict(zip(names, people[0], strict=True))
    for title, body, channel in (("SMS", SMS, "sms"), (f"mail of {len(HTML) / 1000:.0f} kB", HTML, "email")):
        source = body
        for short, name in known.items():
            source = source.replace(f"{{{{ {short} ", f"{{{{ {name} ")
        each: dict[str, Any] = {"body": source} if channel == "sms" else {"subject": "s", "html": source, "text": "t"}
        compiled = compile_version(channel, {"default": "en", "locales": {"en": each}}).for_locale("en")  # type: ignore[arg-type]
        ours = _rate(lambda values, of=compiled: render(of, values), people)  # type: ignore[misc]
        theirs_of = SandboxedEnvironment(autoescape=channel == "email").from_string(body)
        plain = [{short: values[name] for short, name in known.items()} for values in people]
        theirs = _rate(lambda values, of=theirs_of: of.render(values), plain)  # type: ignore[misc]
        tell(f"{title}: {ours:,.0f}/s filled in; Jinja2's sandbox {theirs:,.0f}/s; ratio {ours / theirs:.1f}")


def _rate(fill: Callable[[dict[str, str]], object], people: list[dict[str, str]]) -> float:
    done, began = 0, perf_counter()
    while (took := perf_counter() - began) < SECONDS:
        for values in people:
            fill(values)
        done += len(people)
    return done / took


if __name__ == "__main__":
    main()
