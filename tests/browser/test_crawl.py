"""Every page, as every kind of user, wide and on a phone, light and dark, zoomed and in large print (D30, CFG-03).

CI looks at each page once, wide in the light and on a phone in the dark. `make crawl` (CRAWL=whole) shows every page to
everybody who may see it, in all languages, widths and lights, which takes hours; CRAWL=everybody does so wide in the
light and on a phone in the dark, CRAWL=languages shows each page once, in every language. All print what they saw.
"""

import os
import sys
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.core.cache import cache

from tests.browser import stages
from tests.browser.eyes import ALL_WAYS, EACH_ONCE, Eyes, pictures_wanted
from tests.etax.test_routes import GET, NAMES, POST, ROLES, TABLE, address, become, undone

SCOPE = os.environ.get("CRAWL", "")
BY_EVERYBODY = SCOPE in ("whole", "everybody")
LANGUAGES = [code for code, _name in settings.LANGUAGES] if SCOPE else [settings.LANGUAGE_CODE]
NO_PAGES = (
    "accounts:picture",
    "accounts:sound",
    "accounts:new_picture",
    "oauth2_provider:jwks-info",
    "realname:photo",
    "oauth2_provider:oauth-server-metadata",
    "oauth2_provider:oidc-connect-discovery-info",
)
FIRST = ("anonymous", "half", "half_quick", "half_agency", "reset", "officer", "legal_rep", "person", "handler")
OWN = ("home", "accounts:sign_ins")
"""What everybody looks at for himself."""

pytestmark = [
    pytest.mark.rule("D30", "CFG-03", "PW-11"),
    pytest.mark.skipif("sqlite" not in settings.DATABASES["default"]["ENGINE"], reason="a page looks alike on each"),
]


@pytest.fixture
def eyes(browser, visitor, request) -> Iterator[Eyes]:
    """A browser for the visitor; at the end nothing may have been wrong with what it saw."""
    context = browser.new_context(locale="zh-CN")
    eyes = Eyes(context, visitor, ALL_WAYS if SCOPE == "whole" else EACH_ONCE, pictures_wanted())
    yield eyes
    context.close()
    if SCOPE:
        sys.stdout.write(f"{request.node.name}: {eyes.pages} pages, heaviest {eyes.heaviest} bytes\n")
    assert not eyes.complaints, "\n" + "\n".join(eyes.complaints)


def speak(eyes: Eyes, language: str) -> None:
    """As if the visitor had chosen this language."""
    eyes.visitor.cookies["language"] = language
    eyes.language = language


def is_page_of(name: str, role: str) -> bool:
    """Whether this role looks at this page; where each is looked at once, the first who may."""
    may = [each for each in (*FIRST, *ROLES) if TABLE[name, GET][each] == "200"]
    return role in may and name not in NO_PAGES and (BY_EVERYBODY or name in OWN or may[0] == role)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("role", ROLES)
def test_every_address_is_a_page_without_a_fault(eyes: Eyes, role: str, language: str) -> None:
    become(eyes.visitor, role)
    speak(eyes, language)
    for name in NAMES:
        if not is_page_of(name, role):
            continue
        cache.clear()
        called = f"{role}/{name.replace(':', '-')}"
        with undone(eyes.visitor):
            where = address(name, eyes.visitor)
            eyes.look_at(where, called)
        if TABLE[name, POST][role] == "400":
            with undone(eyes.visitor):
                eyes.show(eyes.visitor.post(where, {"nothing": "at all"}), where, f"{called}-empty")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stage", stages.ALL, ids=lambda stage: stage.__name__)
def test_every_state_on_the_way_is_a_page_without_a_fault(
    eyes: Eyes, stage: Callable[[Eyes], None], language: str
) -> None:
    speak(eyes, language)
    stage(eyes)


_ON_PAPER = """() => [...document.querySelectorAll('header, footer, nav, button, .button, .back, .demo, .skip')]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height > 1)
  .map((one) => one.outerHTML.slice(0, 80))"""


@pytest.mark.rule("D30")
@pytest.mark.parametrize("where", ["/staff/", "/staff/operations/", "/help/enterprise-login/", "/account/posts/"])
def test_on_paper_stands_the_matter_alone_in_black_on_white(eyes: Eyes, where: str) -> None:
    become(eyes.visitor, "legal_rep")
    eyes.looks = ()
    eyes.look_at(where)
    eyes.page.emulate_media(media="print", color_scheme="dark")
    assert eyes.page.evaluate(_ON_PAPER) == []
    colour = "([name, part]) => getComputedStyle(document.querySelector(name))[part]"
    assert eyes.page.evaluate(colour, ["body", "backgroundColor"]) == "rgb(255, 255, 255)"
    assert {eyes.page.evaluate(colour, [name, "color"]) for name in ("body", "h1", "main")} == {"rgb(0, 0, 0)"}
    if eyes.pictures:
        eyes.page.screenshot(path=eyes.pictures / f"print{where.replace('/', '-')}.png", full_page=True)


@pytest.mark.rule("D30", "PW-11")
def test_a_keyboard_alone_leads_in_and_always_shows_where_it_is(eyes: Eyes) -> None:
    """The way over the whole sign-in form by the tab key: every stop is seen, none is lost, none is a trap."""
    eyes.looks = ()
    eyes.look_at("/login/")
    eyes.page.keyboard.press("Tab")
    assert eyes.page.evaluate("document.activeElement.className") == "skip"
    stops = []
    for _ in range(60):
        one, shown = eyes.page.evaluate(_STOP)
        if one == "BODY" or one in stops:
            break
        assert shown, one
        stops.append(one)
        eyes.page.keyboard.press("Tab")
    fields = [name for stop in stops for name in ("code", "password", "captcha") if f'name="{name}"' in stop]
    assert fields == ["code", "password", "captcha"]
    assert len(stops) > 15


_STOP = """() => {
  const one = document.activeElement;
  const box = one.getBoundingClientRect();
  const style = getComputedStyle(one);
  const ring = style.outlineStyle === 'solid' && parseFloat(style.outlineWidth) >= 3;
  const inside = box.bottom > 0 && box.top < innerHeight && box.width > 0;
  return [one.tagName === 'BODY' ? 'BODY' : one.outerHTML.slice(0, 200), ring && inside];
}"""


_ROWS = """() => {
  const seen = [...document.querySelectorAll('.header .wrap > *')].filter((one) => one.checkVisibility());
  const middle = (one) => (one.getBoundingClientRect().top + one.getBoundingClientRect().bottom) / 2;
  const wrapped = [...document.querySelectorAll('.menu a, .brand')].filter((one) => one.offsetHeight > 60);
  return [seen.length, new Set(seen.map((one) => Math.round(middle(one)))).size, wrapped.length];
}"""


@pytest.mark.rule("D30")
@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
@pytest.mark.parametrize("width", [960, 1280])
@pytest.mark.parametrize("size", ["usual", "large"])
def test_the_header_of_a_lead_is_one_row_in_every_language(eyes: Eyes, language: str, width: int, size: str) -> None:
    become(eyes.visitor, "legal_rep")
    speak(eyes, language)
    eyes.visitor.cookies["size"] = size
    eyes.looks = ()
    eyes.look_at("/staff/")
    eyes.page.set_viewport_size({"width": width, "height": 900})
    assert eyes.page.evaluate(_ROWS) == [3, 1, 0]
    assert eyes.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.rule("PW-11")
def test_every_field_tells_the_browser_what_belongs_in_it_and_none_refuses_a_paste(eyes: Eyes) -> None:
    """Autocomplete and inputmode of the fields of the doors, and of whoever forgot; nothing listens for a paste."""
    wanted = {
        "/login/": {"code": ("username", None), "password": ("current-password", None), "captcha": ("off", None)},
        "/login/person/": {"username": ("username", None), "password": ("current-password", None)},
        "/forgotten/enterprise/": {"code": ("username", None), "phone": ("tel-national", "tel")},
        "/register/": {"name": ("name", None), "phone": ("tel-national", "tel")},
    }
    eyes.looks = ()
    for where, fields in wanted.items():
        eyes.look_at(where)
        for name, (autocomplete, inputmode) in fields.items():
            field = eyes.page.locator(f"main [name={name}]")
            assert field.get_attribute("autocomplete") == autocomplete, (where, name)
            assert field.get_attribute("inputmode") == inputmode, (where, name)
            field.focus()
            eyes.page.evaluate("text => document.execCommand('insertText', false, text)", "12345678")
            assert field.input_value() == "12345678", (where, name)
