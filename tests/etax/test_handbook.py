"""操作手册: the manual as pages, with live links and a search (M2, M3, M88 to M108, D1)."""

import re

import pytest
from django.urls import resolve

from etax import handbook
from tests.visitor import words

every_page = pytest.mark.parametrize("slug", list(handbook.PAGES))
_LINK = re.compile(r'href="(/[^"#?]*)')


@pytest.mark.rule("M2", "M3", "M108")
def test_the_contents_stand_in_the_manuals_order_for_everybody(visitor):
    page = words(visitor.get("/help/"))
    chapters = [str(chapter.title) for chapter in handbook.CHAPTERS]
    places = [page.index(chapter) for chapter in chapters]
    assert places == sorted(places)
    assert [chapter[0] for chapter in chapters] == ["一", "二", "三", "四", "五", "附"]
    assert "便民办税春风行动" in page
    assert "来源：辽宁省税务局" in page


@every_page
@pytest.mark.rule("M2")
def test_every_page_opens_with_one_heading_and_every_link_on_it_leads_somewhere(visitor, slug):
    answer = visitor.get(f"/help/{slug}/")
    html = answer.content.decode()
    assert (answer.status_code, html.count("<h1")) == (200, 1)
    for link in set(_LINK.findall(html)):
        if not link.startswith("/static/"):
            resolve(link)


@pytest.mark.rule("M88", "M90", "M93", "M94", "M95", "M96", "M98", "M100", "M101", "M102", "M103", "M106", "M107")
def test_the_ten_questions_are_answered_with_a_link_each(visitor):
    html = visitor.get("/help/questions/").content.decode()
    article = html[html.index("<article") : html.index("</article>")]
    assert len(re.findall(r"问\d+：", article)) == 10
    assert article.count('class="help-link"') == 10
    for text in ("尚未设置密码", "办税人员已冻结", "111111", "固定电话号码", "全量办税"):
        assert text in article
    assert "当前办税人与税务登记办税人信息不符，请通过变更税务登记维护办税人，并重新同步办税人信息。" in article


@pytest.mark.rule("D1", "M109", "M120", "M146", "M147")
@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("我的账户", "natural-login"),
        ("系统设置", "natural-login"),
        ("账户设置", "staff"),
        ("用户授权管理", "staff"),
        ("扣缴客户端", "declaration-password"),
        ("变更财务负责人", "register-change"),
        ("  冻结 ", "why-not"),
    ],
)
def test_the_names_that_other_systems_use_are_found(query, slug):
    assert slug in [hit.page.slug for hit in handbook.search(query)]


@pytest.mark.rule("VAL-03", "VAL-05")
@pytest.mark.parametrize("query", ["<script>alert(1)</script>", "\u202e", "没有这个词" * 30, "%", "\x00"])
def test_a_search_that_finds_nothing_says_so_and_comes_out_escaped(visitor, query):
    answer = visitor.get("/help/", {"q": query})
    assert answer.status_code in (200, 400)
    assert "<script>alert" not in answer.content.decode()


@pytest.mark.rule("VAL-03")
def test_a_page_that_is_none_is_not_found(visitor):
    assert visitor.get("/help/nothing/").status_code == 404


@pytest.mark.rule("M2")
def test_why_not_is_linked_from_the_doors(visitor):
    assert "/help/why-not/" in visitor.get("/login/").content.decode()
