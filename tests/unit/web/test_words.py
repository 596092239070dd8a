"""Every visible word is in the catalogue, and the catalogue is complete."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.pofile import read_po

from hotline.crm.viewer import PERMISSIONS
from hotline.errors import Invalid
from hotline.web.desktop.i18n import Calendar, words
from hotline.web.desktop.people.permission_words import PERMISSION_WORDS
from hotline.web.desktop.text import duration, initials, passage, plain
from hotline.web.desktop.words import reason
from hotline.web.locale.update import WEB, extracted, path_of
from tests.parsed import parsed

TEMPLATES = sorted((WEB / "templates").glob("*.html"))


def test_the_chinese_catalogue_has_every_message_and_no_other() -> None:
    with path_of("zh").open("rb") as file:
        catalogue = read_po(file, locale="zh")
    have = {str(message.id): message for message in catalogue if message.id}
    want = {str(message.id) for message in extracted() if message.id}
    assert want - set(have) == set(), "run: python -m hotline.web.locale.update, and translate"
    assert set(have) - want == set(), "run: python -m hotline.web.locale.update"
    for name, message in have.items():
        strings = message.string if isinstance(message.string, (tuple, list)) else [message.string]
        assert all(strings), f"not translated: {name}"
        assert not message.fuzzy, name


def test_translations_keep_their_placeholders() -> None:
    with path_of("zh").open("rb") as file:
        for message in read_po(file, locale="zh"):
            if not message.id:
                continue
            ids = message.id if isinstance(message.id, (tuple, list)) else [message.id]
            strings = message.string if isinstance(message.string, (tuple, list)) else [message.string]
            holes = re.compile(r"\{\w+\}|%\(\w+\)s")
            for string in strings:
                assert set(holes.findall(str(string))) == set(holes.findall(str(ids[0]))), ids[0]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.name))
def test_no_template_says_a_word_of_its_own(path: Path) -> None:
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", path.read_text("utf-8"), flags=re.DOTALL)
    text = re.sub(r"<(script|style|code)\b.*?</\1>|<!doctype[^>]*>|<!--.*?-->", " ", text, flags=re.DOTALL)
    spoken = re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*)"', text)
    spoken.append(re.sub(r"<[^>]*>", " ", text))
    same = re.compile(
        r"hotline|English|CSV|XLSX|[kM]B|auth-\w+|Ctrl|Alt|Enter|Esc|UTC|CN|SVG|JSON Schema|PJSIP/agent1|support|sales"
        r"|Wang Xiuying|Li Guoqiang|Chen Jing"
        r"|\b[A-Z]\d*\b|\bEN\b|&[a-z]+;"
    )
    left = re.findall(r"[A-Za-z]{2,}", same.sub(" ", " ".join(spoken)))
    assert left == [], "wrap it in _()"


#: What looks like words and is none: keys that a server's refusals are known by, words that are looked up.
NO_WORDS = {
    "it is empty", "no row below", "far more than", "there is only silence in it", "there is no sound in it",
    "not a sound file that can be read", "it takes too long to read",
}  # fmt: skip
WORDS = re.compile(r"[A-Z][a-z]+[ ,]+[a-z]{2,}|[a-z]{2,} [a-z]{2,} [a-z]{2,}")


@pytest.mark.parametrize("path", sorted((WEB / "frontend").rglob("*.js")), ids=lambda path: str(path.name))
def test_no_script_says_a_word_of_its_own(path: Path) -> None:
    source = re.sub(r"/\*.*?\*/|(?m:(^|\s)//.*$)", " ", path.read_text("utf-8"), flags=re.DOTALL)
    text = r'"(?:[^"\\]|\\.)*"'
    source = re.sub(rf"\bnt\(\s*{text},\s*{text}|\b(?:t|N_)\(\s*{text}", "t(", source)
    found = re.findall(rf"{text}|`(?:[^`\\]|\\.)*`", source)
    said = [re.sub(r"\$\{[^}]*\}", "", each[1:-1]) for each in found]
    assert [each for each in said if WORDS.search(each) and each not in NO_WORDS] == [], "wrap it in t()"
    assert not re.search(r"\$\{n?t\(", source), "words within a template literal are not found: join() them"


@pytest.mark.parametrize("path", sorted((WEB / "desktop").rglob("*.py")), ids=lambda path: str(path.name))
def test_no_page_says_a_word_of_its_own(path: Path) -> None:
    tree = parsed(path)
    other: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            other.update(node.body[:1] and ast.walk(node.body[0]) if isinstance(node.body[0], ast.Expr) else ())
        elif isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and _name(node.func) in MARKS):
            other.update(ast.walk(node))
    left = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node not in other
        and re.match(r"[A-Z][a-z']+[ ,]+[a-z{]", node.value)
        and not re.search(r"\\|\.\*|Value error, ", node.value)  # a pattern, or pydantic's prefix
    ]
    assert left == [], "wrap it in N_()"


#: What marks words, and the errors, whose words the next test looks for.
MARKS = {"N_", "say", "gettext", "ngettext", "Invalid", "Conflict", "RuntimeError"}
#: Rooms whose refusals no person meets at the desk: programs, the telephone, the administrator's shell.
ELSEWHERE = {
    "bus", "telephony", "pbx", "ivr", "cli", "simulator", "settings", "demo", "jobs", "locale", "backup", "embedded.py",
    "migrate.py", "personal_keys.py", "keys.py", "restore.py", "unfinished_restore.py", "backup.py", "app.py", "ivr.py",
    "failures.py", "database.py", "json_fields.py", "holidays.py", "backup_archive.py", "schema_state.py",
}  # fmt: skip
REFUSALS = {"Invalid", "Conflict", "Forbidden", "NotFound", "TooMany", "Unavailable"}


def test_every_refusal_has_words_for_a_person() -> None:
    unknown: dict[str, str] = {}
    for path in sorted((WEB.parent).rglob("*.py")):
        if ELSEWHERE & {*path.relative_to(WEB.parent).parts}:
            continue
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.Call) or _name(node.func) not in REFUSALS or not node.args:
                continue
            text = re.sub(r"^[a-z7][\w.\[\]]*: ", "", _text(node.args[0]))
            if re.search("[a-z]{3}", text) and reason(Invalid(text))[1] not in _translated():
                unknown[text] = path.name
    assert not unknown, f"{unknown}: name them in web/desktop/refusals.py"


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _text(node: ast.expr) -> str:
    """A message as it may read; "" where it is put together elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return ""
    parts = [str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values]
    return "".join(parts) if re.search("[a-z]{3}", "".join(parts)) else ""


@cache
def _translated() -> set[str]:
    with path_of("zh").open("rb") as file:
        return {str(message.id) for message in read_po(file, locale="zh") if message.id}


def test_every_permission_has_words_for_a_person() -> None:
    assert dict(PERMISSION_WORDS) == dict(PERMISSIONS)


@pytest.mark.parametrize(
    ("detail", "field", "said"),
    [
        ("name: something must stand here.", "name", "此处不能为空。"),
        ("contact_points[3].value: this is not a telephone number.", "contact_points", "这不是电话号码。"),
        ("login: another user has this login.", "login", "已有其他用户使用此登录名。"),
        ("password: at least 8 characters.", "password", "至少 8 个字符。"),
        ("interfaces: PJSIP/a belongs to anna already.", "interfaces", "PJSIP/a 已属于 anna。"),
        ("Something else entirely.", "", "Something else entirely."),
    ],
)
def test_refusals_are_said_at_their_field_in_the_persons_language(detail: str, field: str, said: str) -> None:
    name, message, values = reason(Invalid(detail))
    assert (name, words("zh").gettext(message).format_map(values)) == (field, said)


def test_scripts_get_their_messages_and_no_others() -> None:
    script = words("zh").script
    assert script["Show record"] == "查看资料"
    assert script["{n} customer"] == ["{n} 位客户"]
    assert "Sign in" not in script, "only what scripts say"
    assert words("en").script == {}


def test_text_from_outside_is_one_plain_line() -> None:
    assert plain("a\0b\u202egpj.exe\u2066\u200bz") == "a b gpj.exe z"
    assert plain("<script>alert(1)</script>") == "<script>alert(1)</script>"
    assert plain("one\r\ntwo\tthree") == "one two three"
    assert len(plain("名" * 10_000, 40)) == 40
    assert plain(None) == ""
    assert passage("one\r\ntwo\x07") == "one\ntwo"
    assert (initials("王秀英 Wang"), initials("Emma Clarke"), initials("")) == ("王", "EC", "?")
    assert (duration(7.9), duration(760), duration(3729), duration(-1)) == ("0:07", "12:40", "1:02:09", "0:00")


def test_times_are_written_in_the_persons_zone_and_language() -> None:
    now = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)  # 07:30 on 2 March in Shanghai
    english = Calendar("en", ZoneInfo("Europe/London"), now)
    chinese = Calendar("zh", ZoneInfo("Asia/Shanghai"), now)
    assert (english.time(now), chinese.time(now)) == ("23:30", "07:30")
    assert (english.day(now), chinese.day(now)) == ("1 March", "3月2日")
    assert chinese.days_ago(now - timedelta(hours=7, minutes=31)) == 1
    assert english.days_ago(now - timedelta(hours=7, minutes=31)) == 0
    old = datetime(2024, 12, 31, 12, 0, tzinfo=UTC)
    assert (english.moment(old), chinese.moment(old)) == ("31 Dec 2024 12:00", "2024年12月31日 20:00")
    assert english.moment(now - timedelta(hours=1)) == "22:30"
    assert chinese.month(old) == "2024年12月"
