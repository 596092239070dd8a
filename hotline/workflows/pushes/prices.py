"""What messages are expected to cost."""

from __future__ import annotations

from hotline.campaigns.prices import PriceList, read_prices
from hotline.crm.company import Formats, Prices
from hotline.crm.database import Reader
from hotline.workflows.company.company import get
from hotline.workflows.house import House


async def price_list(house: House, db: Reader | None = None) -> PriceList:
    """The company's prices as they are now. Give a unit of work as ``db`` inside one."""
    written = await get(house, Prices, db)
    currency = (await get(house, Formats, db)).currency
    channels = {"sms": written.sms, "whatsapp": written.whatsapp, "voice": written.voice}
    return PriceList(currency, {channel: read_prices(lines) for channel, lines in channels.items()})
