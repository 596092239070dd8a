"""The columns that an export can have, with headings that an import recognises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from hotline.customers.custom_fields import FieldSet
from hotline.errors import Invalid

CUSTOM: Final = "custom."
#: Columns by key, in their order, with their headings.
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "number": {"en": "Customer number", "zh": "客户编号"},
    "name": {"en": "Name", "zh": "姓名"},
    "kind": {"en": "Kind", "zh": "客户类型"},
    "phone": {"en": "Phone", "zh": "电话"},
    "email": {"en": "Email", "zh": "邮箱"},
    "whatsapp": {"en": "WhatsApp", "zh": "WhatsApp"},
    "inapp": {"en": "In-app", "zh": "应用账号"},
    "address": {"en": "Address", "zh": "地址"},
    "locale": {"en": "Language", "zh": "语言"},
    "tier": {"en": "Tier", "zh": "等级"},
    "classification": {"en": "Classification", "zh": "客户分类"},
    "responsible": {"en": "Responsible", "zh": "负责人"},
    "tags": {"en": "Tags", "zh": "标签"},
    "created_at": {"en": "Created", "zh": "创建时间"},
    "updated_at": {"en": "Changed", "zh": "修改时间"},
}
#: Columns of an export that says none.
USUAL: Final = tuple(COLUMNS)


def checked(columns: Sequence[str], known: FieldSet) -> tuple[str, ...]:
    """The columns as they are kept; without any the usual ones and every field of the company's own. Raises Invalid."""
    if not columns:
        own = (each.key for each in known.fields if each.target == "customer" and not each.archived)
        return (*USUAL, *(CUSTOM + key for key in own))
    for at, column in enumerate(columns):
        key = column.removeprefix(CUSTOM)
        if column not in COLUMNS and (key == column or known.get(key) is None):
            raise Invalid(f"fields[{at}]: there is no field {column[:60]!r}.")
    return tuple(dict.fromkeys(columns))


def heading(column: str, known: FieldSet, language: str) -> str:
    """What stands above a column."""
    if (names := COLUMNS.get(column)) is not None:
        return names.get(language) or names["en"]
    described = known.get(column.removeprefix(CUSTOM))
    return described.name(language) if described is not None else column.removeprefix(CUSTOM)
