"""How a visitor wants the portal shown: in which language, in which size (D30).

Each choice is kept in a cookie of its own, before and after sign-in alike: it costs no query, it tells nothing about
anybody, and it stays when he signs out. Until somebody has chosen, the portal speaks Simplified Chinese, whatever his
browser prefers: the words are the law's, and a page that is shown to somebody else shouldn't look different there.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.requests import came_from

COOKIE_AGE = 365 * 24 * 3600
TAGS = {"zh-hans": "zh-Hans", "zh-hant": "zh-Hant", "en": "en"}
"""The languages by Django's codes, and what HTML calls them."""
SHORT_NAMES = {"zh-hans": "简体", "zh-hant": "繁體", "en": "English"}
"""Each in its own words, whatever the page is written in."""
LARGE, USUAL = "large", "usual"
CHOICES = {"language": tuple(TAGS), "size": (LARGE, USUAL)}
"""What can be chosen, and the values of each."""


@dataclass(frozen=True, slots=True)
class Option:
    """A button of the header. `lang` is that of its label, where it isn't the page's."""

    name: str
    value: str
    label: str
    is_on: bool
    lang: str = ""


def _cookie_name(choice: str) -> str:
    return f"__Host-{choice}" if settings.SECURE else choice


def _chosen(request: HttpRequest, choice: str, default: str) -> str:
    value = request.COOKIES.get(_cookie_name(choice), "")
    return value if value in CHOICES[choice] else default


def language_of(request: HttpRequest) -> str:
    """The language to answer in: the one chosen in this browser, else the portal's own."""
    return _chosen(request, "language", settings.LANGUAGE_CODE)


def page_language() -> str:
    """The language that words are shown in now, as HTML calls it."""
    return TAGS.get(translation.get_language() or "", TAGS[settings.LANGUAGE_CODE])


def remember(response: HttpResponseBase, choice: str, value: str) -> None:
    """Keep a choice in the browser for a year."""
    response.set_cookie(
        _cookie_name(choice), value, max_age=COOKIE_AGE, secure=settings.SECURE, httponly=True, samesite="Lax"
    )


def _page_of(request: HttpRequest) -> str:
    """The address that shows this page again: of what a form was answered with, the page where the form was."""
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    return came_from(request) or "/"


def context(request: HttpRequest) -> dict[str, Any]:
    """What the frame of every page knows of it: the page's language and size, and the buttons that change them."""
    here = page_language()
    is_large = _chosen(request, "size", USUAL) == LARGE
    languages = [Option("language", code, SHORT_NAMES[code], tag == here, tag) for code, tag in TAGS.items()]
    size = Option("size", USUAL if is_large else LARGE, _("大字版"), is_large)
    return {
        "page_language": here,
        "large_print": is_large,
        "display_url": reverse("choose_display"),
        "display_next": _page_of(request),
        "display_options": [*languages, size],
    }
