"""How fast campaigns may leave."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hotline.web.endpoint import Ask, Endpoint, Input, Output, endpoint
from hotline.workflows.pushes import push_rates as workflow
from hotline.workflows.pushes.push_rates import KeptRate


class Rate(Input):
    """A rate that all processes keep together."""

    kind: Literal["channel", "sender", "destination"]
    name: str = Field(
        min_length=1,
        max_length=255,
        description="The channel (sms, email …), the sender's id, or where it goes: a mail domain, a country (US).",
    )
    per_second: float = Field(ge=0.001, le=100_000, description="Messages a second; campaigns use nine tenths of it.")
    burst: int = Field(1, ge=1, le=100_000, description="Messages that may leave at once after a pause.")


class Rates(Output):
    """All of them."""

    items: list[Rate]


class RatesChange(Input):
    """The rates to keep, and no others."""

    items: list[Rate] = Field(max_length=workflow.MOST)


def _render(rates: list[KeptRate]) -> Rates:
    return Rates(
        items=[
            Rate.model_validate(
                {"kind": each.kind, "name": each.name, "per_second": each.per_second, "burst": each.burst}
            )
            for each in rates
        ]
    )


@endpoint("GET", "/outbound/rates", right="settings.read", summary="How fast campaigns may leave")
async def show(ask: Ask) -> Rates:
    """Beside what each channel keeps by itself."""
    return _render(await workflow.list_rates(ask.house, ask.viewer))


@endpoint("PUT", "/outbound/rates", right="settings.write", summary="Change how fast campaigns may leave")
async def change(ask: Ask, body: RatesChange) -> Rates:
    rates = [KeptRate(each.kind, each.name.strip(), each.per_second, each.burst) for each in body.items]
    return _render(await workflow.set_rates(ask.house, ask.viewer, rates))


routes: list[Endpoint] = [show, change]
