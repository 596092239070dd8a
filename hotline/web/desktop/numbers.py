"""Numbers and amounts of money as the company writes them, else as the reader's language does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from babel import Locale
from babel import numbers as babel

from hotline.crm.company import Formats

#: Group and decimal separators of the company's own styles; a narrow space keeps a number on one line.
_STYLES: Final[Mapping[str, tuple[str, str]]] = {
    "comma_point": (",", "."),
    "point_comma": (".", ","),
    "space_comma": ("\u202f", ","),
}


@dataclass(frozen=True, slots=True)
class Numbers:
    """Writes numbers in ``language``, or in the company's ``style``; ``currency`` is that of amounts without one."""

    language: str
    style: str = "language"
    currency: str = "EUR"

    @classmethod
    def of(cls, language: str, formats: Formats) -> Numbers:
        """As the company's settings say."""
        return cls(language, formats.numbers, formats.currency)

    def number(self, value: int | Decimal | float) -> str:
        """1,234.5"""
        return self._styled(babel.format_decimal(value, locale=self._locale))

    def money(self, minor: int, currency: str | None = None) -> str:
        """An amount in minor units: €12.50"""
        code = currency or self.currency
        return self.amount(Decimal(minor).scaleb(-babel.get_currency_precision(code)), code)

    def amount(self, value: Decimal, currency: str) -> str:
        """An amount in major units."""
        return self._styled(babel.format_currency(value, currency, locale=self._locale))

    @property
    def _locale(self) -> Locale:
        return Locale("zh") if self.language == "zh" else Locale("en", "GB")

    def _styled(self, text: str) -> str:
        if self.style not in _STYLES:
            return text
        group, decimal = _STYLES[self.style]
        # Both languages write 1,234.5: its signs change places with the company's.
        return "".join({",": group, ".": decimal}.get(sign, sign) for sign in text)
