"""The lists that there are, each with the entries that every version brings. What the company renamed, moved or
archived stays so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Names = dict[str, str]

SHIPPED_LISTS: Final[Mapping[str, Mapping[str, Names]]] = {
    "classification": {
        "prospect": {"en": "Prospect", "zh": "潜在客户"},
        "customer": {"en": "Customer", "zh": "客户"},
        "key_account": {"en": "Key account", "zh": "重点客户"},
        "former": {"en": "Former customer", "zh": "流失客户"},
        "supplier": {"en": "Supplier", "zh": "供应商"},
        "press": {"en": "Press", "zh": "媒体"},
    },
    "contact_role": {
        "decision_maker": {"en": "Decision maker", "zh": "决策人"},
        "purchasing": {"en": "Purchasing", "zh": "采购"},
        "billing": {"en": "Billing", "zh": "财务"},
        "technical": {"en": "Technical", "zh": "技术"},
        "user": {"en": "User", "zh": "使用者"},
        "assistant": {"en": "Assistant", "zh": "助理"},
        "other": {"en": "Other", "zh": "其他"},
    },
    "relation": {
        "contact": {"en": "Contact", "zh": "联系人"},
        "parent": {"en": "Parent company", "zh": "母公司"},
        "subsidiary": {"en": "Subsidiary", "zh": "子公司"},
        "spouse": {"en": "Spouse", "zh": "配偶"},
        "partner": {"en": "Partner", "zh": "合作伙伴"},
        "other": {"en": "Other", "zh": "其他"},
    },
    "pause_reason": {
        "break": {"en": "Break", "zh": "休息"},
        "lunch": {"en": "Lunch", "zh": "午餐"},
        "meeting": {"en": "Meeting", "zh": "会议"},
        "training": {"en": "Training", "zh": "培训"},
        "follow_up": {"en": "Follow-up work", "zh": "后续处理"},
        "technical": {"en": "Technical problem", "zh": "技术问题"},
    },
    "skill": {
        "english": {"en": "English", "zh": "英语"},
        "chinese": {"en": "Chinese", "zh": "中文"},
        "billing": {"en": "Billing", "zh": "账单"},
        "technical": {"en": "Technical questions", "zh": "技术问题"},
        "complaints": {"en": "Complaints", "zh": "投诉处理"},
        "sales": {"en": "Sales", "zh": "销售"},
    },
    "purchase_state": {
        "ordered": {"en": "Ordered", "zh": "已下单"},
        "delivered": {"en": "Delivered", "zh": "已交付"},
        "active": {"en": "Active", "zh": "使用中"},
        "expired": {"en": "Expired", "zh": "已到期"},
        "cancelled": {"en": "Cancelled", "zh": "已取消"},
        "returned": {"en": "Returned", "zh": "已退货"},
    },
}

#: Entries that the program itself goes by: they may get other names and places, but are always offered.
FIXED: Final[Mapping[str, frozenset[str]]] = {
    "relation": frozenset(SHIPPED_LISTS["relation"]),
    "contact_role": frozenset({"other"}),
}
