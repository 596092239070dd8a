"""A message made readable for triage: spelled-out words of English, Chinese in simplified characters, and what its form
shows. Short messages are written in haste: apostrophes are missing, letters are stretched, words are tags."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from hotline.tickets.triage_lexicon import lexicon


@dataclass(frozen=True, slots=True)
class Reading:
    """``words``: lower case, one space between words, ``.`` between sentences. ``chinese``: the same text without
    spaces, simplified; empty without Chinese. Faces, marks and shouts are as found, empty when there are none."""

    words: str
    chinese: str
    tags: tuple[str, ...]
    question_marks: int
    ends_in_question: bool
    exclaims: str
    shouted: str
    stretched: str
    angry: str
    happy: str
    link: bool


_LINK: Final = re.compile(
    r"(?:https?://|www\.)\S+|<url>|\burl\b(?=\s*$)|pic\.twitter\.com/\S+|\bt\.co/\S+", re.IGNORECASE
)
_HANDLE: Final = re.compile(r"@\w+|<user>|<mention>", re.IGNORECASE)
_TAG: Final = re.compile(r"[#＃](\w+)[#＃]?")
_LAST_TAGS: Final = re.compile(r"(?:\s*[#＃]\w+[#＃]?)+\s*$")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)|_")
_CHINESE: Final = re.compile(r"[㐀-䶿一-鿿]")
_STRETCHED: Final = re.compile(r"\b\w*?([a-z])\1{2,}\w*", re.IGNORECASE)
_TORN: Final = re.compile(r"(?<=\w) +(n't|'(?:s|m|re|ve|ll|d)\b)", re.IGNORECASE)
_REPEATED_LETTER: Final = re.compile(r"([a-z])\1{2,}")
_SHOUT: Final = re.compile(r"\b[A-Z]{3,}(?:'[A-Z]+)?\b")
_UNIT: Final = re.compile(r"(?<=\d)(?=(?:h|hr|hrs|hours?|mins?|minutes?|days?|d|wks?|weeks?|months?|x|yrs?|years?)\b)")
_MARKS: Final = re.compile(r"!{2,}|\?{2,}|\?!+|!\?+|[!！]{2,}|[?？]{2,}")
_SENTENCE: Final = re.compile(r"[.!?…。！？;\n]+(?=\s|$|[\"'”’)])|[。！？\n]+")
_OTHER: Final = re.compile(r"[^\w'$£€%&/.*#+-]+|(?<!\w)[-.'/*+&]+|[-.'/+&]+(?!\w)")
_ANGRY: Final = re.compile(
    r"[😡😠🤬😤👎🙄😒😑😞😔😟😢😭😩😫💩🤦🖕😣😖🤮🤢😾☹]|(?<!\w)(?:>?[:=]['-]?[(/\\|]|-_-|:@|D:)(?!\w)"
)
_HAPPY: Final = re.compile(
    r"[😊😀😃😄😁❤♥😍🥰🎉👍🙌😘💙💚💜🧡💛🔥✨🤩😎💯🤗☺😋🥳]|(?<!\w)(?:[:;=]-?[)DPp]|<3|\^_\^|xx+)(?!\w)"
)

#: Traditional characters of the words that triage knows, and their simplified forms.
_SIMPLIFIED: Final = str.maketrans(
    "訴評極爛騙錢詐說詞無語氣憤惡離譜過恥臉敷衍態壞對責務網後糟鬧潰維權費協會報賠償給個釋憑滿慢騷擾負費"
    "虛亂強綁壞碎電斷線號掉聯繫間錯誤敗異漏發寄丟質損變開臭過蟲頭髮涼扣盜凍結遲誤點處決復認兌現還沒終"
    "時鐘動靜結應復齊賬麼樣為種這們請問諮詢聽瞭解幾裡兒邊優惠業營碼薦適兼證會員積預發謝謝點讚貼厲開"
    "歡幫麻煩辦預約換訂買續級申報師傅補註銷戶票設鎖機裝轉電簽單貨車號碼從來應該讓買賣東門產"
    "誰術壓進帳體驗終於總竟難關實獎",
    "诉评极烂骗钱诈说词无语气愤恶离谱过耻脸敷衍态坏对责务网后糟闹溃维权费协会报赔偿给个释凭满慢骚扰负费"
    "虚乱强绑坏碎电断线号掉联系间错误败异漏发寄丢质损变开臭过虫头发凉扣盗冻结迟误点处决复认兑现还没终"
    "时钟动静结应复齐账么样为种这们请问咨询听了解几里儿边优惠业营码荐适兼证会员积预发谢谢点赞贴厉开"
    "欢帮麻烦办预约换订买续级申报师傅补注销户票设锁机装转电签单货车号码从来应该让买卖东门产"
    "谁术压进帐体验终于总竟难关实奖",
)


def read(text: str) -> Reading:
    """``text`` as triage reads it."""
    plain = unicodedata.normalize("NFKC", text.replace("…", ". ")).replace("’", "'").replace("‘", "'").replace("`", "'")
    # Texts that went through a tokeniser: "ca n't", "it 's".
    plain = _TORN.sub(r"\1", plain)
    link = _LINK.search(plain) is not None
    plain = _HANDLE.sub(" ", _LINK.sub(" ", plain))
    tags = tuple(match[1] for match in _TAG.finditer(plain))
    shouts = [word for word in _SHOUT.findall(_TAG.sub(" ", plain)) if word not in lexicon().acronyms]
    exclaims = _MARKS.search(plain)
    stretched = _STRETCHED.search(plain)
    angry, happy = _ANGRY.findall(text), _HAPPY.findall(text)
    question_marks = plain.count("?")
    bare = _TAG.sub(" ", plain).rstrip(" \n\t\"')!.~" + "".join(angry + happy))
    head = _LAST_TAGS.search(plain)
    cut = head.start() if head else len(plain)
    # Tags behind the last sentence are sentences of their own: "still no #fail" does not deny the failure.
    spelled = _words(_TAG.sub(_split_tag, plain[:cut]) + _TAG.sub(lambda tag: f" . {_split_tag(tag)}", plain[cut:]))
    chinese = ""
    if _CHINESE.search(plain):
        chinese = re.sub(r"\s+", "", plain.lower()).translate(_SIMPLIFIED)
    return Reading(
        words=spelled,
        chinese=chinese,
        tags=tuple(tag.lower() for tag in tags),
        question_marks=question_marks,
        ends_in_question=bare.endswith(("?", "吗", "呢", "么")),
        exclaims=exclaims[0][:3] if exclaims else "",
        shouted=" ".join(shouts[:3]) if len(shouts) >= _LEAST_SHOUTS else "",
        stretched=stretched[0][:20] if stretched else "",
        angry=angry[0] if angry else "",
        happy=happy[0] if happy else "",
        link=link,
    )


_LEAST_SHOUTS: Final = 2


def _split_tag(tag: re.Match[str]) -> str:
    return f" {_CAMEL.sub(' ', tag[1])} "


def _words(plain: str) -> str:
    lower = _REPEATED_LETTER.sub(r"\1", _UNIT.sub(" ", plain.lower()))
    spelled = lexicon().spelled
    sentences = [_OTHER.sub(" ", part).split() for part in _SENTENCE.split(lower)]
    told = [" ".join(spelled.get(word, word) for word in words) for words in sentences if words]
    return " . ".join(told).replace("can not", "cannot")
