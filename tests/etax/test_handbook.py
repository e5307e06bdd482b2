"""操作手册: the manual as pages, with live links and a search (M2, M3, M88 to M108, D1)."""

import re

import pytest
from django.urls import resolve, reverse
from django.utils import translation

from etax import handbook
from tests import cast
from tests.visitor import words

every_page = pytest.mark.parametrize("slug", list(handbook.PAGES))
_LINK = re.compile(r'href="(/[^"#?]*)')


@pytest.mark.rule("M1", "M2", "M3", "M108")
def test_the_contents_stand_in_the_manuals_order_for_everybody(visitor):
    page = words(visitor.get("/help/"))
    contents = (
        "《辽宁省电子税务局新版登录操作手册》",
        (
            "积极响应“便民办税春风行动”“进一步优化完善电子税务局”的号召，在确保信息安全的基础上拓展登录方式，"
            "通过“非接触式”途径办理涉税事项"
        ),
        "一、新版登录体系的变化",
        "二、登录模式介绍",
        "（一）企业登录",
        "（二）自然人登录",
        "（三）代理机构登录",
        "三、其他相关功能",
        "（一）办税人的删除、冻结与解冻、绑定与解绑",
        "（二）密码管理",
        "四、实名采集",
        "五、常见问题",
        "来源：辽宁省税务局",
    )
    places = [page.index(each) for each in contents]
    assert places == sorted(places)


@pytest.mark.rule("M2")
def test_every_page_shows_the_contents_and_leads_to_the_page_before_and_after(visitor):
    slugs = list(handbook.PAGES)
    for number, slug in enumerate(slugs):
        html = visitor.get(f"/help/{slug}/").content.decode()
        assert f'href="/help/{slug}/"\n                   aria-current="page"' in html
        for rel, beside in (("prev", number - 1), ("next", number + 1)):
            there = f'rel="{rel}"\n             href="/help/{slugs[beside % len(slugs)]}/"'
            assert (there in html) == (0 <= beside < len(slugs))


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
    assert all("help-link" in part for part in article.split("<section")[1:])
    for text in ("尚未设置密码", "办税人员已冻结", "111111", "固定电话号码", "全量办税"):
        assert text in article
    assert "当前办税人与税务登记办税人信息不符，请通过变更税务登记维护办税人，并重新同步办税人信息。" in article


@pytest.mark.rule("D1", "M109", "M120", "M146", "M147")
@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("添加办税人员", "enterprise-login"),
        ("账户设置", "natural-login"),
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


@pytest.mark.rule("M2", "D30")
def test_the_words_around_what_was_found_are_whole_and_say_where_they_are_cut():
    with translation.override("en"):
        excerpts = {hit.page.slug: hit.excerpt for hit in handbook.search("frozen")}
    assert excerpts["questions"] == (
        "…A staff member reads “Staff member is frozen” when signing in. What to do? Answer: The…"
    )
    assert [hit.excerpt for hit in handbook.search("冻结") if re.match("…[，。；：？！、）】”]", hit.excerpt)] == []


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


WORD_FOR_WORD = {
    "changes": {
        "M4": "一共支持3种纳税人类型登录：企业登录、自然人登录、代理机构登录",
        "M5": "新增代理机构登录，涉税代理机构帮助委托企业办理相关涉税业务更加便利",
        "M6": "企业税号登录、自然人登录、代理机构登录统一集中在登录页面，并分类显示，方便快速选择",
        "M7": "必须为已完成实名采集的办税人员才可以登录",
        "M8": "如未进行过实名办税采集的人员，需进行相应实名采集方可登录",
    },
    "enterprise-login": {
        "M9": "企业用户支持两种登录方式：“快捷登录”及“普通登录”",
        "M10": "首次切换新版用户权限体系的纳税人登录必须使用“普通登录”",
        "M17": "务必对相关人员实名信息进行重新采集、修改",
        "M22": "请牢记人员的个人密码，该密码与企业密码不同",
        "M26": "一定不要忘记勾选功能树",
        "M32": "再次登录可以继续选择法人、财务负责人或是办税人员，以快捷登录、短信或密码等方式登录",
        "M37": "纯社保户登录只能使用“普通登录”的登录方式",
        "M39": "优化改造后必须进行密码+手机验证码双因子验证",
        "M40": "必须使用“忘记密码”功能进行密码找回，才能正常使用",
    },
    "natural-login": {"M48": "如果忘记密码，必须使用“忘记密码”功能进行密码找回"},
    "agency-login": {"M53": "同步代理机构信息，认定或取消代理机构", "M54": "《辽宁省电子税务局（代理机构）操作指引》"},
    "staff": {
        "M55": "可直接将该办税人信息删除",
        "M59": "【删除】：只有企业法定代表人和财务负责人可以使用该功能",
        "M63": "您选择的办税人已经被锁定，请选择其他办税人",
        "M66": "纳税人需要记三个密码：企业登录密码、个人登录密码、自然人电子税务局的自然人登录密码",
        "M68": "该条办税员的个人登录密码即为他的自然人电子税务局登录密码",
        "M70": "该办税员需使用原个人登录密码登录企业电子税务局",
        "M149": "选中需要解绑关系的办税人员名称，点击【解除授权】",
    },
    "passwords": {
        "M72": "普通登录的密码登录需要输入企业登录密码和个人登录密码，二者需要分别维护",
        "M77": "普通登录输入企业密码、选择人员身份后再输入的就是个人登录密码",
        "M78": "若个人登录密码被重置，修改时“旧密码”一项为“111111”",
        "M79": "《电子税务局办税用户注册凭证》上的密码是企业登录密码",
        "M82": "只有法定代表人和财务负责人可以修改企业登录密码",
    },
    "real-name": {
        "M85": "【服务】页面滑动到“公众查询”，点击【采集实名信息】菜单进入",
        "M87": "实名采集后的办税员才能被添加到电子税务局中进行人员维护和授权",
    },
    "declaration-password": {
        "M111": "没有申报密码的会弹出提示，并不会进入系统",
        "M126": "申报密码只有扣缴客户端申报时需要",
        "M127": "只有在申报密码正确的前提下才能完成信息报送和信息下载等操作",
    },
    "register-change": {
        "M104": "在【变更税务登记】-【办税人员信息】中增加新的办税人员信息",
        "M141": "变更后的财务负责人身份证复印件加盖公章必须上传，否则无法审批通过",
        "M142": "需上传变更后的财务负责人身份证信息.",
        "M144": "财务负责人名称、身份证件种类、身份证件号码、移动电话，必须同时变更",
    },
}


@pytest.mark.rule("M2")
@pytest.mark.parametrize(
    ("slug", "rule", "text"),
    [(slug, rule, text) for slug, rules in WORD_FOR_WORD.items() for rule, text in rules.items()],
)
def test_the_manual_stands_on_its_page_word_for_word(slug, rule, text):
    assert text in handbook._text_of(slug, "zh-hans"), rule


@pytest.mark.rule("M2")
def test_every_section_of_the_manual_leads_to_the_page_where_it_happens(visitor):
    wanted = {
        "changes": ("login", "agencies:agency_login", "realname:collect"),
        "enterprise-login": (
            "login",
            "staff:identities",
            "staff:search_candidate",
            "staff:quick_login",
            "staff:forgotten",
        ),
        "natural-login": ("staff:natural_login", "staff:natural_sms", "staff:register", "staff:centre"),
        "agency-login": ("agencies:agency_login", "agencies:recognitions"),
        "staff": ("staff:members", "staff:my_posts", "staff:authorisations"),
        "passwords": ("staff:change_password", "staff:members", "staff:change_enterprise_password"),
        "real-name": ("realname:collect", "staff:my_posts"),
        "agency-guide": ("agencies:recognitions", "agencies:engagements", "agencies:clients", "agencies:agency_login"),
        "register-change": ("staff:register_posts", "staff:synchronise", "staff:change_finance", "staff:changes"),
        "forgotten": ("staff:forgotten_enterprise", "staff:forgotten_person"),
        "declaration-password": ("staff:declaration", "staff:declaration_firms"),
    }
    for slug, names in wanted.items():
        html = visitor.get(f"/help/{slug}/").content.decode()
        assert all(f'href="{reverse(name)}"' in html for name in names), slug


@pytest.mark.rule("M63", "M91", "M95", "M98", "M102", "D3", "CFG-06")
def test_every_refusal_at_a_door_and_every_error_page_asks_why_not_and_answers(visitor):
    data = {"code": cast.CODES["HC"], "password": "falsch", "agreement": "on"}
    doors = [visitor.post_with_picture(reverse(door), data) for door in ("login", "staff:quick_login")]
    doors.append(visitor.post_with_picture(reverse("agencies:agency_login"), data))
    doors.append(visitor.post_with_picture(reverse("staff:natural_login"), {**data, "username": "nobody"}))
    visitor.give_enterprise_password("HC")
    doors.append(visitor.get(reverse("staff:choose_person")))
    doors.append(visitor.post(reverse("staff:choose_person"), {"person": str(cast.person("黄志强").uid)}))
    visitor.choose("沈小燕")
    doors.append(visitor.get(reverse("staff:verify_by_sms")))
    visitor.choose("马文涛")
    doors.append(visitor.post(reverse("staff:verify_by_password"), {"password": "x"}))
    doors += [visitor.get("/nothing/"), visitor.get("/logout/")]
    for answer in doors:
        html = answer.content.decode()
        assert "/help/why-not/" in html[html.index("<main") : html.index("</main>")]
