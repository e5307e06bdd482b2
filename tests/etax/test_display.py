"""简体, 繁體, English and 大字版: the choice, where it holds, and that nothing is left untranslated (D30)."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest
from django.conf import settings as portal
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format

from accounts.models import AuditEntry, Person, SignIn, Taxpayer
from accounts.models.record import Kind
from accounts.numbers import mask_name
from etax import display, handbook
from staff.models import Identity
from tests import cast
from tests.agencies.acting import agency_password, enter
from tests.agencies.acting import sign_in as sign_in_at_agency
from tests.etax import officers, test_routes
from tests.visitor import Visitor, words

CHOOSE = "/display/"
CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff01-\uff0f\uff1a-\uff5e]+")
LOGIN = reverse("login")


def choose(visitor: Visitor, language: str):
    return visitor.post(CHOOSE, {"language": language})


def lang_of(answer) -> str:
    return re.search(r'<html lang="([^"]+)"', answer.content.decode())[1]


@pytest.fixture
def english(visitor) -> Visitor:
    """A visitor who has chosen English."""
    choose(visitor, "en")
    return visitor


# --- The choice ------------------------------------------------------------------------------------------------------


@pytest.mark.rule("D30")
@pytest.mark.parametrize("preferred", ["en", "zh-TW", "de,en;q=0.5", "zh-Hant", "*", "x" * 4000])
def test_until_somebody_has_chosen_the_portal_speaks_simplified_chinese_whatever_the_browser_prefers(
    visitor, preferred
):
    page = visitor.get(LOGIN, headers={"accept-language": preferred})
    assert lang_of(page) == "zh-Hans"
    assert "纳税人识别号" in words(page)
    assert "language" not in page.cookies


@pytest.mark.rule("D30")
@pytest.mark.parametrize(
    ("language", "tag", "said"),
    [("zh-hans", "zh-Hans", "纳税人识别号"), ("zh-hant", "zh-Hant", "納稅人識別號"), ("en", "en", "Taxpayer number")],
)
def test_a_language_is_chosen_in_the_header_without_scripts_and_leads_back_to_the_page(visitor, language, tag, said):
    address = reverse("help") + "?q=%E9%AA%8C%E8%AF%81"
    shown = visitor.get(address).content.decode()
    assert f'name="language" value="{language}"' in re.sub(r"\s+", " ", shown)
    answer = visitor.post(CHOOSE, {"language": language, "next": address})
    assert (answer.status_code, answer.url) == (302, address)
    page = visitor.get(LOGIN)
    assert lang_of(page) == tag
    assert said in words(page)


@pytest.mark.rule("D30")
def test_the_languages_are_named_in_their_own_words_whatever_the_page_is_written_in(visitor):
    for language in display.TAGS:
        choose(visitor, language)
        page = re.sub(r"\s+", " ", visitor.get(LOGIN).content.decode())
        for code, name in display.SHORT_NAMES.items():
            pressed = "true" if code == language else "false"
            button = f'value="{code}" lang="{display.TAGS[code]}" aria-pressed="{pressed}"> ?{name} ?</button>'
            assert re.search(button, page), (language, code)
    assert dict(portal.LANGUAGES).keys() == display.TAGS.keys() == display.SHORT_NAMES.keys()


@pytest.mark.rule("D30")
def test_the_choice_holds_before_and_after_sign_in_and_sign_out(english):
    assert lang_of(english.get(LOGIN)) == "en"
    english.sign_in_by_password("HC", "钱思远")
    home = english.get(reverse("home"))
    assert lang_of(home) == "en"
    assert "Staff management" in words(home)
    left = english.post(reverse("sign_out"), follow=True)
    assert lang_of(left) == "en"
    assert "You have signed out." in words(left)


@pytest.mark.rule("D30")
def test_the_choice_is_this_browsers_alone(english, other_visitor):
    english.sign_in_by_password("HC", "钱思远")
    other_visitor.sign_in_by_password("HC", "钱思远")
    assert lang_of(english.get(reverse("home"))) == "en"
    assert lang_of(other_visitor.get(reverse("home"))) == "zh-Hans"
    assert translation.get_language() == portal.LANGUAGE_CODE  # the thread is given back as it was


@pytest.mark.rule("D30", "SES-01")
def test_the_choice_is_kept_for_a_year_out_of_reach_of_scripts_and_of_other_sites(visitor, rf):
    cookie = choose(visitor, "en").cookies["language"]
    given = {key: value for key, value in cookie.items() if value and key != "expires"}
    assert given == {"httponly": True, "samesite": "Lax", "path": "/", "max-age": 365 * 24 * 3600}
    assert visitor.post(CHOOSE, {"size": "large"}).cookies["size"].value == "large"


@pytest.mark.rule("D30", "SES-01")
def test_where_the_portal_is_on_https_the_choice_is_bound_to_its_host(visitor, settings):
    settings.SECURE = True
    cookie = choose(visitor, "en").cookies["__Host-language"]
    assert cookie["secure"]
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert lang_of(visitor.get(LOGIN)) == "en"


@pytest.mark.rule("D30", "VAL-03", "VAL-04")
@pytest.mark.parametrize(
    "data",
    [
        *({}, {"language": ""}, {"language": "fr"}, {"language": "EN"}, {"language": "e\0n"}, {"size": "en"}),
        *({"size": ""}, {"language": "en", "size": "huge"}, {"language": ["en", "xx"]}, {"next": "/"}),
    ],
)
def test_a_choice_that_there_is_not_is_refused_and_changes_nothing(visitor, data):
    answer = visitor.post(CHOOSE, data)
    assert answer.status_code == 400
    assert not {"language", "size"} & answer.cookies.keys()
    assert lang_of(visitor.get(LOGIN)) == "zh-Hans"


@pytest.mark.rule("D30")
@pytest.mark.parametrize(
    "elsewhere",
    [
        *("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "", "a"),
        *("/" + "a" * 3000, "http://[", "\r\nX: y", "/\r\n//evil.example"),
    ],
)
def test_a_choice_never_leads_off_the_portal(visitor, elsewhere):
    answer = visitor.post(CHOOSE, {"language": "en", "next": elsewhere})
    assert answer.status_code == 302
    assert not re.match(r"(?:[a-z]+:|//|/\\)", answer.url)
    assert visitor.cookies["language"].value == "en"


@pytest.mark.rule("D30", "VAL-03")
@pytest.mark.parametrize("value", ["fr", "", "zh-hans; x", "../en", "en\0", "x" * 3000])
def test_a_cookie_that_says_nonsense_is_no_choice(visitor, value):
    visitor.cookies["language"] = visitor.cookies["size"] = value
    page = visitor.get(LOGIN)
    assert page.status_code == 200
    assert lang_of(page) == "zh-Hans"
    assert "data-size" not in page.content.decode()


@pytest.mark.rule("D30")
@pytest.mark.parametrize("referer", ["http://testserver/login/?a=1", "http://evil.example/login/", "http://[", "", "x"])
def test_the_answer_to_a_form_leads_back_to_where_the_form_was(visitor, referer):
    page = visitor.post(LOGIN, {"code": ""}, headers={"referer": referer, "host": "testserver"})
    back = unescape(re.search(r'name="next" value="([^"]*)"', page.content.decode())[1])
    assert back == ("/login/?a=1" if "testserver" in referer else "/")


@pytest.mark.rule("D30")
def test_large_print_is_switched_on_and_off_beside_the_language(english):
    page = english.get(LOGIN).content.decode()
    assert "Large print" in page
    assert "data-size" not in page
    english.post(CHOOSE, {"size": "large"})
    large = english.get(LOGIN)
    assert 'data-size="large"' in large.content.decode()
    assert lang_of(large) == "en"
    english.post(CHOOSE, {"size": "usual"})
    assert "data-size" not in english.get(LOGIN).content.decode()


@pytest.mark.rule("D30", "SES-08")
def test_an_error_page_for_somebodys_first_visit_can_change_the_language_too(world):
    for address, kwargs in (("/nowhere/", {}), ("/static/nowhere.css", {}), (LOGIN, {"headers": {"host": "evil"}})):
        newcomer = Client(enforce_csrf_checks=True)
        page = newcomer.get(address, **kwargs).content.decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
        answer = newcomer.post(CHOOSE, {"language": "en", "csrfmiddlewaretoken": token, "next": "/login/"})
        assert (answer.status_code, answer.url) == (302, "/login/"), address


# --- What it costs, and what it tells --------------------------------------------------------------------------------


@pytest.mark.rule("D30", "CFG-02")
def test_neither_headers_nor_queries_differ_by_language(visitor):
    visitor.sign_in_by_password("HC", "钱思远")
    seen = []
    for language in ("zh-hans", "en"):
        choose(visitor, language)
        for address in (reverse("home"), "/nowhere/", reverse("help")):
            with CaptureQueriesContext(connection) as queries:
                answer = visitor.get(address)
            headers = {name for name in answer.headers if name not in ("Content-Length", "X-Request-ID")}
            seen.append((address, headers, len(queries), answer.headers.get("Vary")))
    half = len(seen) // 2
    assert seen[:half] == seen[half:]
    assert not any("Content-Language" in headers for _address, headers, _count, _vary in seen)


@pytest.mark.rule("D3", "D30", "FLOW-08")
def test_in_every_language_unknown_and_wrong_are_told_alike(visitor):
    for language in display.TAGS:
        choose(visitor, language)
        refusals = [
            words(visitor.give_enterprise_password("HC", **changed))
            for changed in ({"password": "wrong-password"}, {"code": "91210102MA0YF0019K"})
        ]
        alike = [re.sub(r"[0-9A-Z]{18}", "", text) for text in refusals]
        assert alike[0] == alike[1]
    assert "Taxpayer number or password is wrong" in refusals[0]


# --- Days, times, messages, the record -------------------------------------------------------------------------------


@pytest.mark.rule("D30")
@pytest.mark.parametrize(
    ("language", "day", "minute", "second"),
    [
        ("zh-hans", "2026-03-05", "2026-03-05 07:08", "2026-03-05 07:08:09"),
        ("zh-hant", "2026年3月5日", "2026年3月5日 07:08", "2026年3月5日 07:08:09"),
        ("en", "5 Mar 2026", "5 Mar 2026, 07:08", "5 Mar 2026, 07:08:09"),
    ],
)
def test_days_and_times_are_written_as_the_language_does(language, day, minute, second):
    at = datetime(2026, 3, 5, 7, 8, 9, tzinfo=UTC)
    with translation.override(language):
        assert date_format(at) == day
        assert date_format(at, "SHORT_DATETIME_FORMAT") == minute
        assert date_format(at, "DATETIME_FORMAT") == second


@pytest.mark.rule("D30")
def test_a_page_writes_its_times_so(english):
    english.sign_in_by_password("HC", "钱思远")
    at = timezone.localtime(SignIn.objects.get(person=cast.person("钱思远")).started_at)
    ways = {"en": f"{at.day} {at:%b %Y, %H:%M:%S}", "zh-hant": f"{at.year}年{at.month}月{at.day}日 {at:%H:%M:%S}"}
    for language, written in {**ways, "zh-hans": f"{at:%Y-%m-%d %H:%M:%S}"}.items():
        choose(english, language)
        assert written in words(english.get(reverse("accounts:sign_ins")))


@pytest.mark.rule("D14", "D30", "OTP-13")
def test_messages_to_phones_stay_chinese(english):
    english.sign_in_by_sms("HC", "钱思远")
    clerk = cast.membership("HC", "孙雅静")
    english.post(reverse("staff:freeze", args=[clerk.uid]), {"version": clerk.version, "reason": ""})
    texts = english.texts_to(cast.PHONES["钱思远"]) + english.texts_to(cast.PHONES["孙雅静"])
    assert len(texts) >= 2
    assert any("登录电子税务局" in text for text in texts)
    assert any("冻结" in text for text in texts)
    for text in texts:
        assert text.startswith("【辽宁省电子税务局】")
        assert not re.search(r"[A-Za-z]{3}", text), text


@pytest.mark.rule("D28", "D30")
def test_the_record_speaks_the_readers_language_not_that_of_who_acted(english, other_visitor):
    english.sign_in_by_sms("HC", "钱思远")
    clerk = cast.membership("HC", "孙雅静")
    english.post(reverse("staff:freeze", args=[clerk.uid]), {"version": clerk.version, "until": "2099-03-05"})
    assert AuditEntry.objects.filter(kind=Kind.MEMBER_FROZEN).exists()
    said = words(english.get(reverse("staff:operations")))
    assert "Freeze a staff member" in said
    assert "Frozen until 5 Mar 2099" in said
    other_visitor.sign_in_by_password("HC", "林若兰")
    said = words(other_visitor.get(reverse("staff:operations")))
    assert "冻结办税人员" in said
    assert "冻结至2099-03-05" in said


# --- Journeys in English ---------------------------------------------------------------------------------------------


@pytest.mark.rule("D30", "M20", "M21")
def test_a_first_ordinary_sign_in_in_english(english):
    assert "please choose the legal representative (owner)" in words(
        english.get(english.give_enterprise_password("YF").url)
    )
    english.choose("王晓敏")
    english.verify_by_sms(cast.PHONES["王晓敏"])
    assert "Please remember your personal password" in words(english.get(reverse("staff:set_password")))
    assert "must not be an initial password" in words(english.set_password("abc123456"))
    english.set_password("Xiaomin-2026-ok")
    assert "Identity management" in words(english.get(reverse("staff:members")))


@pytest.mark.rule("D30", "M43")
def test_a_quick_sign_in_in_english(english):
    data = {"code": cast.CODES["HC"], "password": cast.ENTERPRISE_PASSWORDS["HC"]}
    english.post_with_picture(reverse("staff:quick_login"), data)
    page = words(english.get(reverse("staff:quick_person")))
    assert "Staff member is frozen" in page
    assert "Finance officer" in page


@pytest.mark.rule("D30", "M47")
def test_a_natural_persons_sign_in_in_english(english):
    data = {"username": "sunyajing", "password": "wrong-password", "agreement": "on"}
    assert "User name or password is wrong" in words(english.post_with_picture(reverse("staff:natural_login"), data))
    data["password"] = cast.NATURAL_PASSWORDS["孙雅静"]
    english.post_with_picture(reverse("staff:natural_login"), data)
    assert "You are signed in as a natural person." in words(english.get(reverse("home")))


@pytest.mark.rule("D30", "M51")
def test_an_agencys_sign_in_in_english(english):
    assert agency_password(english).url == reverse("agencies:agency_person")
    sign_in_at_agency(english, "邓丽娟")
    assert "Choose a client" in words(english.get(reverse("agencies:clients")))
    enter(english, "HC")
    assert "Acting for: 沈阳海川贸易有限公司 (agency: 辽宁信达税务师事务所有限公司)" in words(
        english.get(reverse("home"))
    )


@pytest.mark.rule("D30", "D22")
def test_an_officers_work_in_english(english):
    officers.sign_in(english)
    page = words(english.get(reverse("bureau:index")))
    assert "your post is Counter" in page
    assert "Tax officers' back office" in page


@pytest.mark.rule("D30", "D24")
def test_other_systems_are_told_in_chinese_unless_they_choose(visitor):
    said = visitor.post(reverse("staff:declaration_api"), b"{}", content_type="application/json").json()
    assert CHINESE.search(said["title"])


# --- Nothing is left over --------------------------------------------------------------------------------------------

SIMPLIFIED = re.compile("[录请选择]")  # 錄, 請, 選, 擇
ALIKE = ("clerk", "manager", "weak_lead", "finance")
"""Roles that see no page which the others don't."""


def names_of_the_world() -> list[str]:
    """What is Chinese in every language: names of people, firms and identities, the names of the languages."""
    people = list(Person.objects.values_list("name", flat=True))
    firms = list(Taxpayer.objects.values_list("name", flat=True))
    identities = [text for row in Identity.objects.values_list("name", "description") for text in row]
    masked = [mask_name(name) for name in people]
    return sorted({*people, *firms, *identities, *masked, "简体", "繁體", "“长期”"} - {""}, key=len, reverse=True)


def left_over(answer, known: list[str], wanted: re.Pattern[str]) -> set[str]:
    """What no catalogue has put into this page's language, its attributes included."""
    page = unescape(answer.content.decode())
    for name in known:
        page = page.replace(name, "")
    return set(wanted.findall(page))


@pytest.mark.rule("D30")
@pytest.mark.parametrize(
    ("role", "language", "wanted"),
    [
        *((role, "en", CHINESE) for role in test_routes.ROLES if role not in ALIKE),
        *((role, "zh-hant", SIMPLIFIED) for role in ("legal_rep", "officer")),
    ],
)
def test_no_page_of_this_role_has_a_word_that_was_not_translated(visitor, role, language, wanted):
    choose(visitor, language)
    test_routes.become(visitor, role)
    known = names_of_the_world()
    found = {}
    for name in test_routes.NAMES:
        for method in (visitor.get, visitor.post):
            with test_routes.undone(visitor):
                answer = method(test_routes.address(name, visitor))
            if "html" in answer.headers.get("Content-Type", "") and name != "simulated_phone":
                found[name] = left_over(answer, known, wanted)
    assert {name: texts for name, texts in found.items() if texts} == {}


@pytest.mark.rule("D30", "M2")
@pytest.mark.parametrize(("language", "wanted"), [("en", CHINESE), ("zh-hant", SIMPLIFIED)])
def test_no_page_of_the_manual_has_a_word_that_was_not_translated(visitor, language, wanted):
    choose(visitor, language)
    known = names_of_the_world()
    for slug in handbook.PAGES:
        answer = visitor.get(reverse("help_page", args=[slug]))
        assert left_over(answer, known, wanted) == set(), slug


def test_a_request_without_cookies_has_the_portals_language():
    request = HttpRequest()
    assert display.language_of(request) == portal.LANGUAGE_CODE
