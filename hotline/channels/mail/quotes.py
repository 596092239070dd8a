"""What is new in a mail: the text above the quoted one. The full text is kept beside it."""

from __future__ import annotations

import re
from typing import Final

from mailparser_reply import EmailReplyParser

_LANGUAGES: Final = ["en", "zh", "de", "es", "fr", "it", "nl", "pl", "sv", "da", "cs", "ja", "ko"]
#: Of longer texts, and of those with longer lines, only the plain marks of a quote are looked for: the parser's
#: patterns take quadratic time.
LONGEST: Final = 20_000
LONGEST_LINE: Final = 500
#: Where a quoted message begins, beside what the parser knows: Outlook's lines and Chinese clients'.
_BLANK_LINES: Final = re.compile(r"\n(?:[ \t]*\n){2,}")
_BEGINS: Final = re.compile(
    r"^[ \t>]*(?:-{2,} ?(?:Original Message|Ursprüngliche Nachricht|原始邮件|原邮件|Forwarded message) ?-{2,}.*|"
    r"_{20,}|"
    r"(?:在|於|于) ?.{4,80}(?:写道|寫道)[：:].*|"
    r"On .{6,120} wrote:|"
    r".{0,60}\d{4}年\d{1,2}月\d{1,2}日.{0,80}(?:写道|寫道)[：:].*|"
    r"(?:From|Von|De|发件人|寄件者)[：:] ?.{3,120}\n(?:[ \t>]*(?:Sent|Date|Gesendet|发送时间|寄件日期|日期)[：:].*))$",
    re.MULTILINE | re.IGNORECASE,
)


def reply_of(text: str) -> str:
    """``text`` without the message that it answers; all of it where that leaves nothing."""
    text = _BLANK_LINES.sub("\n\n", text)
    found = _BEGINS.search(text)
    head = text[: found.start()] if found else text
    if len(head) > LONGEST or max(map(len, head.splitlines()), default=0) > LONGEST_LINE:
        return _without_marked(head).strip() or text.strip()
    try:
        head = EmailReplyParser(languages=_LANGUAGES).parse_reply(head) or ""
    except (re.error, RecursionError, IndexError, ValueError, AttributeError):
        head = _without_marked(head)
    head = _without_marked(head).strip()
    return head or text.strip()


def _without_marked(text: str) -> str:
    """Without the last lines that begin with ``>``; an answer between quoted lines keeps them."""
    lines = text.rstrip().splitlines()
    while lines and (lines[-1].lstrip().startswith(">") or not lines[-1].strip()):
        lines.pop()
    return "\n".join(lines)
