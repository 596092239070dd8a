"""The company's settings of what messages cost, for what campaigns are expected to."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, StringConstraints

from hotline.campaigns.prices import read_prices
from hotline.crm.section import Section


def _prices(value: str) -> str:
    try:
        read_prices(value)
    except ValueError:
        raise ValueError("write a price on each line, after the beginning of the numbers: +86 0.045") from None
    return value


PriceLines = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000), AfterValidator(_prices)]


class Prices(Section):
    """What messages cost, by the beginning of the recipient's number, in the currency of the formats."""

    section: ClassVar[str] = "prices"

    sms: PriceLines = Field(
        "",
        description="Each part of an SMS, a line for each beginning of numbers: `+86 0.045`; a line with a price alone"
        " is for all other numbers. Empty: what it costs is not shown.",
    )
    whatsapp: PriceLines = Field("", description="Each WhatsApp message, written in the same way.")
    voice: PriceLines = Field("", description="Each call, written in the same way.")
