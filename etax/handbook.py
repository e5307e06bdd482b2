"""操作手册: the help pages in the manual's order, and searching them, neighbouring systems' names included (M2, D1)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from html import unescape

from django.template.loader import render_to_string
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.words import Words

_TAG = re.compile(r"<[^>]+>")
_LONGEST_QUERY = 50
_AROUND = 40
_ENDS = " .,;:?!)，。；：？！、）】”」"
"""What ends a sentence begins no excerpt."""


@dataclass(frozen=True, slots=True)
class HelpPage:
    """One page of the handbook; its text ends with the names that other systems have for what it explains (D1)."""

    slug: str
    title: Words

    @property
    def template(self) -> str:
        """The file that holds its text."""
        return f"help/{self.slug.replace('-', '_')}.html"


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter of the manual's contents (M2)."""

    title: Words
    pages: tuple[HelpPage, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A page that matches a search, and the words around the place."""

    page: HelpPage
    excerpt: str


CHAPTERS = (
    Chapter(_("一、新版登录体系的变化"), (HelpPage("changes", _("新版登录体系的变化")),)),
    Chapter(
        _("二、登录模式介绍"),
        (
            HelpPage("enterprise-login", _("（一）企业登录")),
            HelpPage("natural-login", _("（二）自然人登录")),
            HelpPage("agency-login", _("（三）代理机构登录")),
        ),
    ),
    Chapter(
        _("三、其他相关功能"),
        (
            HelpPage("staff", _("（一）办税人的删除、冻结与解冻、绑定与解绑")),
            HelpPage("passwords", _("（二）密码管理")),
        ),
    ),
    Chapter(_("四、实名采集"), (HelpPage("real-name", _("实名采集")),)),
    Chapter(
        _("五、常见问题"),
        (
            HelpPage("questions", _("十个常见问题")),
            HelpPage("why-not", _("为什么登录不了？")),
        ),
    ),
    Chapter(
        _("附：操作指引"),
        (
            HelpPage("agency-guide", _("《辽宁省电子税务局（代理机构）操作指引》")),
            HelpPage("register-change", _("《变更登记-变更办税人员信息》操作指引")),
            HelpPage("forgotten", _("忘记密码")),
            HelpPage("declaration-password", _("申报密码")),
        ),
    ),
)
"""The manual's contents (M2); what belongs to the job beside it stands at the end (D1)."""
PAGES = {page.slug: page for chapter in CHAPTERS for page in chapter.pages}


def beside(page: HelpPage) -> tuple[HelpPage | None, HelpPage | None]:
    """The pages before and after this one, in the handbook's order."""
    order = list(PAGES.values())
    place = order.index(page)
    return (order[place - 1] if place else None), (order[place + 1] if place + 1 < len(order) else None)


def search(query: str) -> list[Hit]:
    """The pages whose title, text or other names hold the words, in the handbook's order; none for no words."""
    words = " ".join(query.split())[:_LONGEST_QUERY].casefold()
    if not words:
        return []
    return [hit for page in PAGES.values() if (hit := _hit(page, words)) is not None]


def _hit(page: HelpPage, words: str) -> Hit | None:
    text = _text_of(page.slug, get_language() or "")
    place = text.casefold().find(words)
    if place >= 0:
        return Hit(page, _excerpt(text, place - _AROUND, place + len(words) + _AROUND))
    return Hit(page, _excerpt(text, 0, 2 * _AROUND)) if words in str(page.title).casefold() else None


def _excerpt(text: str, start: int, end: int) -> str:
    """The text between two places, with no word of letters cut in two, and … where something is left out."""
    start, end = max(0, start), min(end, len(text))
    while _is_inside_word(text, start):
        start -= 1
    while _is_inside_word(text, end):
        end += 1
    said = text[start:end].strip()
    return f"{'…' if start else ''}{said.lstrip(_ENDS) if start else said}{'…' if end < len(text) else ''}"


def _is_inside_word(text: str, place: int) -> bool:
    return 0 < place < len(text) and all(one.isascii() and one.isalnum() for one in text[place - 1 : place + 1])


@lru_cache(maxsize=64)
def _text_of(slug: str, language: str) -> str:
    """What a page says, without tags, in the language at hand; it can't change while the portal runs."""
    html = render_to_string(PAGES[slug].template, {"page": PAGES[slug], "is_text": True})
    return " ".join(unescape(_TAG.sub(" ", html)).split())
