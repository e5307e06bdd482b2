"""The check of the catalogues finds what it is there to find, and they are made without system tools (D30)."""

import ast
import gettext
import subprocess
import sys

import polib
import pytest
from django.conf import settings

from etax import catalogues as made
from tests import catalogues, messages

pytestmark = pytest.mark.rule("D30")


def entry(msgid: str, msgstr: str, **kwargs) -> polib.POEntry:
    return polib.POEntry(msgid=msgid, msgstr=msgstr, **kwargs)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (entry("登录", "Sign in"), ""),
        (entry("、", ", "), ""),
        (entry("您好，%(name)s", "Hello %(name)s"), ""),
        (entry("<strong>%(a)s</strong>由%(a)s办理", "by <strong>%(a)s</strong>"), ""),
        (entry("登录", ""), "not translated"),
        (entry("登录", "  "), "not translated"),
        (entry("登录", "Sign in", flags=["fuzzy"]), "fuzzy or obsolete"),
        (entry("登录", "Sign in", obsolete=True), "fuzzy or obsolete"),
        (entry("您好，%(name)s", "Hello"), "placeholders or tags differ"),
        (entry("您好，%(name)s", "Hello %(nam)s"), "placeholders or tags differ"),
        (entry("{s}秒", "{t} seconds"), "placeholders or tags differ"),
        (entry("<strong>企业</strong>", "<b>Enterprise</b>"), "placeholders or tags differ"),
        (entry("企业", "<b>Enterprise</b>"), "placeholders or tags differ"),
        (entry("%(n)s名", "", msgid_plural="%(n)s名", msgstr_plural={0: "%(n)s person", 1: "%(n)s people"}), ""),
        (entry("%(n)s名", "", msgid_plural="%(n)s名", msgstr_plural={0: "%(n)s person", 1: ""}), "not translated"),
        (
            entry("%(n)s名", "", msgid_plural="%(n)s名", msgstr_plural={0: "%(n)s person", 1: "people"}),
            "placeholders or tags differ",
        ),
    ],
)
def test_a_translation_that_is_missing_or_does_not_fit_is_named(found, why):
    assert messages.differing(found) == why


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("def a():\n tell(person, for_phones('您好'))", []),
        ("def a():\n notices.tell(person, _('您好'))", [2]),
        ("def a():\n text = _('您好，%(a)s')\n _tell(person, text % words)", [3]),
        ("def a():\n text = for_phones('您好')\n outbox.queue(phone, text)\n messages.success(request, _('好'))", []),
    ],
)
def test_a_message_to_a_phone_that_would_be_translated_is_named(source, lines):
    assert list(messages._translated_texts(ast.parse(source).body[0])) == lines


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("from django.utils.translation import gettext_lazy as _\nA = _('好')", []),
        ("from django.utils.translation import gettext as _\nA = _('好')", [2]),
        ("from django.utils.translation import gettext as _\nclass A:\n a = _('好')\n b = lambda: _('好')", [3]),
        ("from django.utils.translation import gettext as _\ndef a(b=_('好')):\n return _('好')", [2]),
    ],
)
def test_a_message_that_would_be_translated_once_for_all_is_named(source, lines):
    assert list(messages._translated_at_import(ast.parse(source))) == lines


@pytest.mark.parametrize(
    ("simplified", "traditional"),
    [
        ("为什么登录不了？", "為什麼登錄不了？"),
        ("在企业人员维护里", "在企業人員維護裡"),
        ("{label}于%(at)s登录", "{label}於%(at)s登錄"),
        ("%(后)s后台", "%(后)s後臺"),
        ("企业所得税年度汇算清缴申报", "企業所得稅年度匯算清繳申報"),
        ("税务行政复议申请", "稅務行政復議申請"),
        ("自然人账户", "自然人帳戶"),
    ],
)
def test_traditional_chinese_keeps_placeholders_and_the_bureaus_own_terms(simplified, traditional):
    assert catalogues.traditional(simplified) == traditional


def test_every_message_of_the_sources_is_in_both_catalogues():
    assert list(messages.in_catalogues()) == []


def test_a_catalogue_is_made_only_when_it_is_newer_than_what_was_made_of_it(tmp_path, settings):
    folder = tmp_path / "en" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source = polib.POFile()
    source.metadata = {"Content-Type": "text/plain; charset=UTF-8"}
    source.append(entry("登录", "Sign in"))
    source.save(str(folder / "django.po"))
    settings.LOCALE_PATHS = [tmp_path]
    assert made.compile_all() == [folder / "django.mo"]
    assert made.compile_all() == []
    with (folder / "django.mo").open("rb") as file:
        assert gettext.GNUTranslations(file).gettext("登录") == "Sign in"
    assert sorted(path.name for path in folder.iterdir()) == ["django.mo", "django.po"]


def test_without_any_catalogue_the_portal_speaks_simplified_chinese():
    code = (
        "from django.conf import settings; settings.configure("
        f"USE_I18N=True, LANGUAGE_CODE='zh-hans', LANGUAGES={settings.LANGUAGES!r}, LOCALE_PATHS=['/nowhere'])\n"
        "import django; django.setup()\n"
        "from django.utils import translation as t\n"
        "for language in ('en', 'zh-hant', 'zh-hans'):\n"
        "    with t.override(language): print(t.gettext('查看操作手册'))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["查看操作手册"] * 3
