"""Who lives in the demo: the invented broadband company's users and customers. All numbers are reserved for fiction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Agent:
    """A user; with an extension they have a phone on the demo PBX."""

    login: str
    name: str
    role: str
    locale: str
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call of the past: days and minutes ago, seconds it was talked, by whom (None: the caller gave up), the key of
    the menu that the caller pressed, and what became of its ticket."""

    days: int
    minutes: int
    agent: str | None
    seconds: int
    note: str = ""
    key: str = "1"
    subject: str = ""
    category: str | None = None
    state: Literal["open", "waiting", "resolved", "closed"] = "resolved"


@dataclass(frozen=True, slots=True)
class Person:
    """A customer."""

    name: str
    locale: str
    number: str
    tier: str
    kind: Literal["person", "organisation"] = "person"
    email: str = ""
    tags: tuple[str, ...] = ()
    calls: tuple[PastCall, ...] = ()
    #: Whether they agreed to news when they ordered, by SMS and, where they have an address, by email.
    agreed: bool = True


PBX = "demo"
QUEUE = "support"
#: Numbers of the demo's PBX, the main one first, and the flow that answers each.
LINES = {"9500": "main", "9501": "mailbox"}
LINE = next(iter(LINES))
#: What the demo's PBX shows to whom a campaign calls.
SHOWN_NUMBER = "+493023125000"


def interface(extension: str) -> str:
    """The demo's phones are called as in the sample configuration: 1001 is PJSIP/agent1."""
    return f"PJSIP/agent{int(extension) - 1000}"


AGENTS = (
    Agent("lin.yue", "林悦", "agent", "zh", "1001"),
    Agent("anna.berg", "Anna Berg", "agent", "en", "1002"),
    Agent("zhou.min", "周敏", "agent", "zh", "1003"),
    Agent("tom.hale", "Tom Hale", "supervisor", "en", "1004"),
    Agent("mia.ward", "Mia Ward", "marketer", "en"),
    Agent("he.ran", "何然", "reviewer", "zh"),
    Agent("admin", "Administrator", "administrator", "en"),
)
#: Whom the demo proposes to sign in as: the second phone, to which the recorded transfers go.
FIRST = "anna.berg"

#: What customers of the demo were asked, in their language, beside a box that was not ticked beforehand.
ASKED = {
    "en": "Yes, send me news and offers. I can stop them at any time.",
    "zh": "同意接收资讯与优惠，可随时退订。",
}

CUSTOMERS = (
    Person(
        "John Miller", "en", "+442079460158", "gold", email="john.miller@example.com", tags=("fibre", "home office"),
        calls=(
            PastCall(0, 95, "anna.berg", 412, "The line drops in the evenings again. Sent a new profile.",
                     "3", "Line drops in the evenings", "product/fault", "waiting"),
            PastCall(19, 210, "tom.hale", 188, "Asked about the price from the second year. Explained both tariffs.",
                     "1", "Price from the second year", "billing/payment", "closed"),
        ),
    ),
    Person(
        "王秀英", "zh", "+8613800006620", "gold", email="wang.xiuying@example.com", tags=("光纤", "投诉"),
        calls=(
            PastCall(0, 160, "lin.yue", 367, "宽带晚间断线，已报修，师傅明天上午上门。",
                     "2", "宽带晚间断线", "product/fault", "open"),
            PastCall(33, 140, "zhou.min", 145, "咨询套餐升级，暂不办理。",
                     "1", "套餐升级", "product/question", "closed"),
        ),
    ),
    Person("李国强", "zh", "+8613800006620", "standard", tags=("家庭共享",),
           calls=(PastCall(12, 55, "zhou.min", 96, "代母亲缴费。", "3", "代母亲缴费", "billing/payment", "closed"),)),
    Person(
        "陈静", "zh", "+8613900000412", "silver", email="chen.jing@example.com", tags=("欠费提醒",),
        calls=(PastCall(1, 70, "lin.yue", 233, "对上月账单有疑问，已逐项说明。",
                        "2", "上月账单多收一项", "billing/invoice", "open"),),
    ),
    Person(
        "Hartmann & Söhne GmbH", "en", "+493023125042", "platinum", "organisation",
        "it@hartmann.example", ("business line",),
        (PastCall(3, 15, "anna.berg", 640, "Two sites lost their fixed address. Escalated, solved by noon.",
                  "2", "Two sites without their fixed address", "product/fault"),),
    ),
    Person("海蓝科技有限公司", "zh", "+862155550100", "platinum", "organisation", "ops@hailan.example", ("企业专线",),
           (PastCall(8, 44, "zhou.min", 512, "新办公室开通专线，排期下周三。", "3", "新办公室专线", "account"),)),
    Person("Emma Clarke", "en", "+442079460321", "silver", email="emma@example.com", tags=("moving house",),
           calls=(PastCall(0, 45, "tom.hale", 275, "Moves on the 30th; order for the new address taken.",
                           "3", "Moving house on the 30th", "account", "open"),)),
    Person("María García", "en", "+34912345605", "standard", calls=(PastCall(0, 30, None, 0, key="2"),), agreed=False),
    Person("张伟", "zh", "+8613700007788", "standard", tags=("光纤",),
           calls=(PastCall(15, 33, "lin.yue", 120, "重置宽带密码。", "1", "重置宽带密码", "account", "closed"),)),
    Person("Grace O'Neill", "en", "+12025550147", "standard", email="grace@example.com"),
    Person("刘洋", "zh", "+8613600005521", "standard", agreed=False),
    Person("Amélie Dubois", "en", "+33199005511", "silver", tags=("home office",)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone to be on the handset. ``patience`` is how many seconds they wait before hanging up; ``keys`` are what
    they answer to the menus by themselves."""

    key: str
    number: str
    name: str
    withheld: bool = False
    patience: float | None = None
    keys: tuple[str, ...] = ()


CALLERS = (
    Caller("gold", "+442079460158", "John Miller"),
    Caller("shared", "+8613800006620", "王秀英"),
    Caller("silver", "+8613900000412", "陈静"),
    Caller("unknown", "+14155550142", "+14155550142"),
    Caller("withheld", "+442079460777", "Anonymous", withheld=True),
    Caller("impatient", "+442079460321", "Emma Clarke", patience=12, keys=("1", "3")),
    Caller("complains", "+8613700007788", "张伟", keys=("2", "2")),
)
