"""What a column of an imported table can be, and the headings by which it is recognised, English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hotline.customers.names import fold

#: Of a customer's own fields: ``custom.`` and the field's key.
CUSTOM: Final = "custom."
#: Of what they agreed to: ``consent.<channel>.<purpose>``, whether they did; ``consent.<detail>`` of all of these, and
#: ``consent.<channel>.<purpose>.<detail>`` of one.
CONSENT: Final = "consent."
CONSENT_CHANNELS: Final = ("email", "sms", "whatsapp", "voice", "inapp")
CONSENT_PURPOSES: Final = ("marketing", "service")
CONSENT_DETAILS: Final = ("wording", "at", "source", "proof", "ip")
CONSENT_STATES: Final = tuple(f"{CONSENT}{each}.{for_}" for each in CONSENT_CHANNELS for for_ in CONSENT_PURPOSES)


@dataclass(frozen=True, slots=True)
class Target:
    """``many``: several columns may be it. ``names``: headings, folded, without spaces and signs."""

    key: str
    names: tuple[str, ...]
    many: bool = False


_OF_CHANNELS: Final = {"email": "邮件", "sms": "短信", "whatsapp": "whatsapp", "voice": "电话", "inapp": "应用内"}
_OF_PURPOSES: Final = {"marketing": "营销", "service": "服务"}
_OF_DETAILS: Final = {
    "wording": ("consentwording", "consenttext", "optintext", "同意内容", "同意文本", "授权内容"),
    "at": ("consentdate", "consenttime", "consentat", "optindate", "optintime", "同意时间", "同意日期", "授权时间"),
    "source": ("consentsource", "optinsource", "同意来源", "同意方式", "授权方式"),
    "proof": ("consentproof", "optinproof", "同意凭证", "授权凭证"),
    "ip": ("consentip", "optinip", "同意ip"),
}


def _consents() -> tuple[Target, ...]:
    found = [Target(f"{CONSENT}{detail}", names) for detail, names in _OF_DETAILS.items()]
    for channel, said in _OF_CHANNELS.items():
        for purpose, of in _OF_PURPOSES.items():
            state = f"{CONSENT}{channel}.{purpose}"
            names: tuple[str, ...] = (f"consent{channel}{purpose}", f"{channel}{purpose}consent", f"{channel}{purpose}",
                     f"{said}{of}同意", f"{said}{of}授权", f"同意{said}{of}")  # fmt: skip
            if purpose == "marketing":
                names += (f"{channel}optin", f"{channel}consent", f"consent{channel}", f"{channel}subscribed")
            found.append(Target(state, names))
            found += [Target(f"{state}.{each}", (f"consent{channel}{purpose}{each}",)) for each in CONSENT_DETAILS]
    return tuple(found)


TARGETS: Final = (
    Target("name", ("name", "fullname", "displayname", "contactname", "contact", "customername", "customer", "client",
                    "clientname", "姓名", "名字", "名称", "客户姓名", "客户名称", "客户名", "客户", "联系人",
                    "联系人姓名", "顾客姓名", "nombre", "nom", "kunde", "kundenname", "vollername")),
    Target("first_name", ("firstname", "givenname", "forename", "vorname", "prenom", "名")),
    Target("last_name", ("lastname", "surname", "familyname", "nachname", "familienname", "姓", "姓氏")),
    Target("organisation", ("company", "companyname", "organisation", "organization", "organisationname",
                            "organizationname", "employer", "account", "accountname", "firma", "firmenname",
                            "公司", "公司名称", "单位", "单位名称", "企业", "企业名称", "机构")),
    Target("phone", ("phone", "phonenumber", "telephone", "telephonenumber", "tel", "telno", "mobile", "mobilephone",
                     "mobilenumber", "mobileno", "cell", "cellphone", "cellnumber", "homephone", "workphone",
                     "businessphone", "primaryphone", "otherphone", "phone1", "phone2", "phone3", "telefon",
                     "telefonnummer", "handy", "mobil", "rufnummer", "电话", "电话号码", "联系电话", "手机", "手机号",
                     "手机号码", "移动电话", "座机", "固定电话", "固话", "办公电话", "家庭电话", "电话1", "电话2",
                     "联系方式", "号码"), many=True),
    Target("email", ("email", "emailaddress", "mail", "emails", "primaryemail", "workemail", "emailadresse", "email1",
                     "email2", "电子邮件", "电子邮箱", "邮箱", "邮箱地址", "邮件", "邮件地址", "电邮"), many=True),
    Target("whatsapp", ("whatsapp", "whatsappnumber", "wa"), many=True),
    Target("inapp", ("inapp", "inappid", "appid", "appuser", "应用内id", "应用账号"), many=True),
    Target("address", ("address", "postaladdress", "fulladdress", "mailingaddress", "adresse", "anschrift", "地址",
                       "联系地址", "通讯地址", "详细地址", "住址", "家庭地址", "收货地址"), many=True),
    Target("street", ("street", "streetaddress", "address1", "addressline1", "strasse", "街道", "街道地址")),
    Target("street2", ("address2", "addressline2", "street2")),
    Target("postcode", ("postcode", "postalcode", "zip", "zipcode", "plz", "postleitzahl", "邮编", "邮政编码")),
    Target("city", ("city", "town", "ort", "stadt", "城市", "市", "所在城市")),
    Target("region", ("state", "province", "county", "bundesland", "省", "省份", "省市")),
    Target("country", ("country", "countrycode", "land", "国家", "国家地区", "国别")),
    Target("kind", ("kind", "type", "customertype", "clienttype", "类型", "客户类型", "类别")),
    Target("locale", ("language", "locale", "lang", "preferredlanguage", "sprache", "语言", "语种", "首选语言")),
    Target("tier", ("tier", "viplevel", "vip", "level", "等级", "会员等级", "客户等级", "vip等级", "级别")),
    Target("classification", ("classification", "class", "segment", "分类", "客户分类")),
    Target("responsible", ("responsible", "owner", "agent", "accountmanager", "assignedto", "salesrep", "负责人",
                           "客户经理", "归属人", "责任人")),
    Target("tags", ("tags", "tag", "labels", "label", "groups", "keywords", "schlagworte", "stichworte", "标签",
                    "客户标签"), many=True),
    Target("number", ("hotlinenumber", "customerno", "customernumber", "customerid", "kundennummer", "客户编号",
                      "客户号", "客户号码", "编号")),
    *_consents(),
)  # fmt: skip

BY_KEY: Final = {target.key: target for target in TARGETS}
_BY_NAME: Final = {name: target.key for target in TARGETS for name in target.names}
_SIGNS: Final = re.compile(r"[\W_]+")
#: Words around a heading that say nothing of what it is, and the label that a number gets from it.
_LABELS: Final = (
    ("mobile", "mobile"), ("cell", "mobile"), ("handy", "mobile"), ("手机", "mobile"), ("移动", "mobile"),
    ("work", "work"), ("business", "work"), ("office", "work"), ("办公", "work"), ("home", "home"),
    ("private", "home"), ("家庭", "home"), ("fax", "fax"), ("传真", "fax"),
)  # fmt: skip


def folded(heading: str) -> str:
    """A heading as it is compared: without case, accents, spaces and signs."""
    return _SIGNS.sub("", fold(heading))


def target_of(heading: str) -> str | None:
    """What a heading says that its column is, None when it says nothing known."""
    word = folded(heading)
    if (found := _BY_NAME.get(word)) is not None:
        return found
    # "Kontakt: E-Mail (privat)", "联系电话（手机）": the part before the bracket, then the known ending.
    for part in re.split(r"[(（\[:：/|]", heading):
        if (found := _BY_NAME.get(folded(part))) is not None:
            return found
    for key in ("email", "phone", "whatsapp", "address"):
        if len(word) <= 40 and any(len(name) > 2 and word.endswith(name) for name in BY_KEY[key].names):
            return key
    return None


def label_of(heading: str) -> str:
    """The label of a contact point from its column's heading: ``mobile``, ``work``, ``home``, ``fax`` or none."""
    word = folded(heading)
    return next((label for part, label in _LABELS if part in word), "")


def says_consent(mapping: Iterable[str | None]) -> bool:
    """Whether a column of these tells what somebody agreed to."""
    return any(key in CONSENT_STATES for key in mapping)


def is_target(key: str) -> bool:
    """Whether a column can be this."""
    return key in BY_KEY or (key.startswith(CUSTOM) and len(key) > len(CUSTOM))
