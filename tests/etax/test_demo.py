"""The demo world is what its table says, and loading it anew overwrites nothing."""

from datetime import UTC, date, datetime
from io import StringIO

import pytest
import time_machine
from django.apps import apps
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import numbers, passwords
from accounts.models import Credential, Person, Taxpayer
from agencies.models import Engagement
from etax import demo
from realname.models import Position, Post, RealNameRecord
from staff import functions
from staff.models import Identity, Membership
from tests import cast

pytestmark = pytest.mark.usefixtures("world")

LEGAL_REP, FINANCE, CLERK = Position.LEGAL_REP, Position.FINANCE, Position.CLERK

# The tables of the demo world once more, in clear: what `etax.demo` says is held against them.
FIRMS = [
    ("YF", "91210102MA0YF0018M", "沈阳云帆科技有限公司", "enterprise", "Yunfan-2026-ok"),
    ("HC", "91210103MA0HC00240", "沈阳海川贸易有限公司", "enterprise", "Haichuan-2026-ok"),
    ("MH", "92210202MA0MH0034M", "大连明湖餐饮店", "enterprise", "Minghu-2026-ok"),
    ("BC", "91210112MA0BC007X4", "沈阳北辰机械制造有限公司", "enterprise", "Beichen-2026-ok"),
    ("CG", "52210106MJ0CG0040L", "沈阳晨光幼儿园", "social_insurance", "Chenguang-2026-ok"),
    ("XD", "91210102MA0XD0059T", "辽宁信达税务师事务所有限公司", "agency", "Xinda-2026-ok"),
    ("HX", "91210202MA0HX00615", "大连恒信财税咨询有限公司", "agency", "Hengxin-2026-ok"),
]
PEOPLE = [
    ("王晓敏", "210102199004060042", "19900000001", {"YF": LEGAL_REP}),
    ("赵铁柱", "210106198811090038", "19900000002", {"YF": FINANCE}),
    ("孙雅静", "210202199207190029", "19900000003", {"YF": CLERK, "HC": CLERK}),
    ("周文博", "210102198502280019", "", {"YF": CLERK}),
    ("郑海涛", "210112199305150036", "19900000005", {"YF": CLERK, "HC": CLERK}),
    ("钱思远", "21010219950909001X", "19900000006", {"HC": LEGAL_REP}),
    ("林若兰", "210102198706170065", "19900000007", {"HC": FINANCE}),
    ("黄志强", "21010419910321007X", "19900000008", {"HC": CLERK}),
    ("何晨曦", "210102199602140085", "19900000009", {"HC": CLERK}),
    ("马文涛", "210106198909300099", "19900000010", {"HC": CLERK}),
    ("董佳慧", "210106199211050221", "19900000011", {}),
    ("宋雨桐", "210202199408250446", "19900000012", {"HC": CLERK}),
    ("徐明湖", "21020219840618011X", "19900000013", {"MH": LEGAL_REP}),
    ("冯天宇", "210103199001010556", "19900000014", {"XD": LEGAL_REP}),
    ("邓丽娟", "210105198307070664", "19900000015", {"XD": CLERK, "MH": CLERK}),
    ("罗建平", "210102197912200339", "19900000016", {"XD": CLERK}),
    ("高振华", "210112197605030774", "19900000017", {"HX": LEGAL_REP}),
    ("吴秀兰", "21010519681230088X", "19900000018", {"BC": LEGAL_REP}),
    ("陈国栋", "210203198001010055", "19900000019", {}),
    ("沈小燕", "210104199503160024", "19900000020", {"HC": CLERK}),
    ("顾前程", "210103198807200012", "19900000021", {}),
    ("高明远", "210105198609110019", "19900000022", {}),
]
MEMBERS = {
    ("HC", "钱思远"): ("Siyuan-2026-ok", set()),
    ("HC", "林若兰"): ("Ruolan-2026-ok", set()),
    ("HC", "孙雅静"): ("Yajing-2026-ok", {"全量办税"}),
    ("HC", "郑海涛"): ("Haitao-2026-ok", {"全量办税"}),
    ("HC", "黄志强"): ("Zhiqiang-2026-ok", {"查询员"}),
    ("HC", "何晨曦"): ("Chenxi-2026-ok", {"查询员"}),
    ("HC", "马文涛"): ("", {"空身份"}),
    ("HC", "董佳慧"): ("Jiahui-2026-ok", {"全量办税"}),
    ("HC", "沈小燕"): ("Xiaoyan-2026-ok", {"全量办税"}),
    ("MH", "徐明湖"): ("Minghu-lr-2026", set()),
    ("BC", "陈国栋"): ("Guodong-2026-ok", set()),
    ("XD", "冯天宇"): ("Tianyu-2026-ok", set()),
    ("XD", "邓丽娟"): ("Lijuan-2026-ok", {"代理专员"}),
    ("XD", "罗建平"): ("Jianping-2026-ok", {"代理专员"}),
    ("HX", "高振华"): ("Zhenhua-2026-ok", set()),
}
ACCOUNTS = {
    "孙雅静": ("sunyajing", "Yajing-nat-2026", ""),
    "何晨曦": ("hechenxi", "Chenxi-nat-2026", ""),
    "顾前程": ("officer", "officer-2026-ok", "前台"),
    "高明远": ("reviewer", "reviewer-2026-ok", "审核"),
}


def everything() -> dict[str, list[tuple[object, ...]]]:
    """Every row of our own tables, as it is."""
    ours = [
        m for name in ("accounts", "realname", "staff", "agencies") for m in apps.get_app_config(name).get_models(True)
    ]
    return {model._meta.label: list(model._default_manager.order_by("pk").values_list()) for model in ours}


def run(settings: Settings) -> str:
    """What `manage.py demo` prints where DEBUG is on."""
    settings.DEBUG, out = True, StringIO()
    call_command("demo", stdout=out)
    return out.getvalue()


def test_an_empty_database_gets_exactly_this() -> None:
    tables = (Engagement, Membership, Identity, Post, RealNameRecord, Person, Taxpayer)
    for model in tables:
        model._default_manager.all().delete()
    made = demo.load()
    assert made == demo.Counts(
        taxpayers=7, people=22, collections=21, posts=23, identities=5, memberships=15, engagements=3
    )
    assert made.total == 96
    assert [model._default_manager.count() for model in tables] == [3, 15, 5, 23, 21, 22, 7]


@pytest.mark.rule("D22")
@pytest.mark.parametrize(("key", "code", "name", "kind", "password"), FIRMS)
def test_a_taxpayer_is_open_with_its_enterprise_password(
    key: str, code: str, name: str, kind: str, password: str
) -> None:
    firm = cast.taxpayer(key)
    assert (firm.code, firm.name, firm.kind, firm.is_open) == (code, name, kind, True)
    assert firm.credential is not None
    assert not firm.credential.must_change
    assert passwords.check(firm.credential, password)
    assert (cast.CODES[key], cast.ENTERPRISE_PASSWORDS[key]) == (code, password)


@pytest.mark.rule("D31")
@pytest.mark.parametrize(("name", "number", "phone", "posts"), PEOPLE)
def test_a_person_has_his_phone_and_his_open_posts(
    name: str, number: str, phone: str, posts: dict[str, Position]
) -> None:
    human = cast.person(name)
    assert (human.name, human.id_type, human.id_number, human.phone) == (name, "resident", number, phone)
    assert [record.phone for record in human.real_name_records.all()] == ([phone] if phone else [])
    held = {(post.taxpayer.code, post.position) for post in human.posts.open()}
    assert held == {(cast.CODES[key], position) for key, position in posts.items()}


@pytest.mark.rule("D29")
def test_every_number_has_its_check_digit() -> None:
    assert all(numbers.is_credit_code(code) for _key, code, *_rest in FIRMS)
    assert all(numbers.is_resident_number(number) for _name, number, *_rest in PEOPLE)
    assert all(numbers.is_mobile(cast.PHONES[name]) for name, *_rest in PEOPLE)


@pytest.mark.rule("M91")
def test_the_register_has_the_real_name_phone_but_for_three() -> None:
    differing = {
        (post.person.name, post.mobile, post.landline)
        for post in Post.objects.all()
        if post.mobile != post.person.phone
    }
    assert differing == {
        ("赵铁柱", "", "19900000002"),
        ("周文博", "19900000004", ""),
        ("沈小燕", "19900000099", ""),
    }


@pytest.mark.rule("M92")
def test_one_mobile_number_sits_in_the_landline_box() -> None:
    assert [post.person.name for post in Post.objects.all() if post.landline_is_mobile] == ["赵铁柱"]


@pytest.mark.rule("D18")
def test_everybody_but_one_is_linked_and_only_he_is_not_collected() -> None:
    assert [post.person.name for post in Post.objects.filter(linked_at=None)] == ["周文博"]
    assert [human.name for human in Person.objects.filter(real_name_records=None)] == ["周文博"]


@pytest.mark.rule("D6")
def test_nobody_has_signed_in_at_the_first_firm_yet() -> None:
    assert not cast.taxpayer("YF").memberships.exists()


@pytest.mark.parametrize(("key", "name"), MEMBERS)
def test_a_member_has_his_personal_password_and_his_identities(key: str, name: str) -> None:
    member, (password, identities) = cast.membership(key, name), MEMBERS[key, name]
    assert {identity.name for identity in member.identities.all()} == identities
    assert (member.credential is None) == (password == "")
    assert passwords.check(member.credential, password) == (password != "")
    assert cast.PERSONAL_PASSWORDS.get((key, name), "") == password


def test_there_are_no_other_members_managers_frozen_or_bound_ones() -> None:
    members = Membership.objects.open().select_related("taxpayer", "person")
    assert {(m.taxpayer.code, m.person.name) for m in members} == {(cast.CODES[key], name) for key, name in MEMBERS}
    assert [m.person.name for m in members if m.is_manager] == ["郑海涛"]
    assert [m.person.name for m in members if m.is_frozen] == ["黄志强"]
    assert [m.person.name for m in members if m.is_bound] == ["何晨曦"]


@pytest.mark.rule("M70")
def test_the_bound_clerk_signs_in_by_his_natural_password_and_keeps_his_own() -> None:
    bound = cast.membership("HC", "何晨曦")
    assert passwords.check(bound.signing_credential, "Chenxi-nat-2026")
    assert not passwords.check(bound.signing_credential, "Chenxi-2026-ok")
    assert passwords.check(bound.credential, "Chenxi-2026-ok")


@pytest.mark.parametrize("name", ACCOUNTS)
def test_an_account_of_ones_own_has_its_name_and_password(name: str) -> None:
    human, (username, password, group) = cast.person(name), ACCOUNTS[name]
    assert (human.username, human.is_staff) == (username, bool(group))
    assert [found.name for found in human.groups.all()] == ([group] if group else [])
    assert passwords.check(human.credential, password)
    assert (cast.USERNAMES[name], cast.NATURAL_PASSWORDS[name]) == (username, password)


def test_nobody_else_has_an_account_or_is_an_officer() -> None:
    assert {human.name for human in Person.objects.exclude(username=None)} == set(ACCOUNTS)
    assert not Person.objects.filter(username=None).exclude(credential=None).exists()
    assert Person.objects.filter(is_staff=True).count() == 2


@pytest.mark.rule("M97")
def test_the_identities_hold_what_was_ticked() -> None:
    held = {
        (identity.taxpayer.code, identity.name): {grant.function for grant in identity.grants.all()}
        for identity in Identity.objects.all()
    }
    query = functions.branch_codes("query")
    assert held == {
        (cast.CODES["HC"], "全量办税"): functions.ALL,
        (cast.CODES["HC"], "查询员"): query,
        (cast.CODES["HC"], "空身份"): set(),
        (cast.CODES["MH"], "查询员"): query,
        (cast.CODES["XD"], "代理专员"): functions.ALL,
    }
    assert "query.record.operations" in query


@pytest.mark.rule("D23")
def test_two_clients_recognise_the_agency_and_one_request_is_pending() -> None:
    trade, restaurant = (
        Engagement.objects.get(client=cast.taxpayer(k), agency=cast.taxpayer("XD")) for k in ("HC", "MH")
    )
    today = timezone.localdate()
    assert trade.identity == Identity.objects.get(taxpayer=cast.taxpayer("HC"), name="全量办税")
    assert restaurant.identity == Identity.objects.get(taxpayer=cast.taxpayer("MH"), name="查询员")
    assert trade.valid_until == date(today.year + 1, 12, 31)
    assert {human.name for human in trade.handlers.all()} == {"邓丽娟", "罗建平"}
    assert {human.name for human in restaurant.handlers.all()} == {"罗建平"}
    assert not Engagement.objects.exclude(ended_at=None).exists()
    recognised = Engagement.objects.filter(recognised_at__lt=timezone.now(), valid_from__lt=today)
    assert set(recognised) == {trade, restaurant}
    asked = Engagement.objects.get(client=cast.taxpayer("HC"), agency=cast.taxpayer("HX"))
    assert (asked.recognised_at, asked.valid_from, asked.identity) == (None, None, None)


@pytest.mark.rule("D20")
def test_a_legal_representative_changed_last_month_on_whatever_day_it_is_loaded() -> None:
    Post.objects.filter(taxpayer=cast.taxpayer("BC")).delete()
    with time_machine.travel(datetime(2027, 3, 31, 9, tzinfo=UTC), tick=False):
        assert demo.load().posts == 2
        now = Post.objects.open().get(taxpayer=cast.taxpayer("BC"))
        before = Post.objects.get(taxpayer=cast.taxpayer("BC"), person=cast.person("陈国栋"))
    assert (now.person, now.since, now.until) == (cast.person("吴秀兰"), date(2027, 2, 28), None)
    assert (before.since, before.until, before.position) == (date(2019, 3, 1), date(2027, 2, 28), LEGAL_REP)


@pytest.mark.parametrize(
    ("today", "changed"),
    [
        (date(2026, 11, 1), date(2026, 10, 31)),
        (date(2026, 11, 30), date(2026, 10, 31)),
        (date(2027, 1, 15), date(2026, 12, 31)),
        (date(2028, 3, 31), date(2028, 2, 29)),
    ],
)
def test_what_changed_last_month_changed_on_its_last_day(today: date, changed: date) -> None:
    assert demo.changeover(today) == changed


def test_nothing_in_it_lies_ahead() -> None:
    now, today = timezone.now(), timezone.localdate()
    assert not Post.objects.filter(since__gt=today).exists()
    assert not Post.objects.filter(until__gt=today).exists()
    assert not Post.objects.filter(linked_at__gt=now).exists()
    assert not Taxpayer.objects.filter(opened_at__gt=now).exists()
    assert not RealNameRecord.objects.filter(collected_at__gt=now).exists()
    assert not Membership.objects.filter(added_at__gt=now).exists()


def test_a_second_load_changes_nothing(settings: Settings) -> None:
    before = everything()
    assert "nothing was made" in run(settings)
    assert everything() == before


def test_a_changed_password_is_not_overwritten() -> None:
    fresh = passwords.hash_new("Another-2026-one")
    owners = [cast.taxpayer("HC"), cast.person("孙雅静"), cast.membership("HC", "钱思远")]
    credentials = [owner.credential for owner in owners if owner.credential is not None]
    changed = [passwords.store(credential, fresh) for credential in credentials]
    assert demo.load().total == 0
    assert [Credential.objects.get(pk=c.pk).password for c in changed] == [fresh] * 3


def test_what_somebody_did_in_the_portal_is_not_undone() -> None:
    now, today = timezone.now(), timezone.localdate()
    Membership.objects.filter(pk=cast.membership("HC", "孙雅静").pk).update(removed_at=now)
    Membership.objects.filter(pk=cast.membership("HC", "黄志强").pk).update(frozen_at=None)
    Post.objects.filter(person=cast.person("林若兰")).update(until=today)
    cast.person("宋雨桐").real_name_records.update(revoked_at=now)
    ended = {"ended_at": now, "ended_because": "cancelled", "identity": None}
    Engagement.objects.filter(client=cast.taxpayer("MH")).update(**ended)
    before = everything()
    assert demo.load().total == 0
    assert everything() == before


def test_a_missing_row_is_made_again(settings: Settings) -> None:
    Engagement.objects.all().delete()
    cast.membership("HC", "郑海涛").delete()
    Identity.objects.get(taxpayer=cast.taxpayer("HC"), name="查询员").delete()
    Post.objects.filter(person=cast.person("宋雨桐")).delete()
    cast.person("宋雨桐").real_name_records.all().delete()
    cast.person("宋雨桐").delete()
    printed = run(settings)
    made = "made 1 people, 1 real-name collections, 1 posts, 1 identities, 1 memberships, 3 engagements;"
    assert made in printed
    assert cast.person("宋雨桐").phone == "19900000012"
    assert cast.membership("HC", "郑海涛").is_manager
    assert passwords.check(cast.membership("HC", "郑海涛").credential, "Haitao-2026-ok")


@pytest.mark.rule("D34")
def test_what_only_the_register_import_brought_is_opened_and_collected() -> None:
    firm, human = cast.taxpayer("YF"), cast.person("何晨曦")
    Taxpayer.objects.filter(pk=firm.pk).update(credential=None, opened_at=None)
    human.real_name_records.all().delete()
    human.phone, human.username, human.credential = "", None, None
    human.save()
    made = demo.load()
    assert (made.taxpayers, made.people, made.collections, made.total) == (1, 1, 1, 3)
    firm, human = cast.taxpayer("YF"), cast.person("何晨曦")
    assert firm.is_open
    assert passwords.check(firm.credential, "Yunfan-2026-ok")
    assert (human.phone, human.username) == ("19900000009", "hechenxi")


@pytest.mark.rule("D31")
def test_a_seat_that_somebody_else_holds_by_now_stays_his() -> None:
    Post.objects.filter(taxpayer=cast.taxpayer("HC"), position=FINANCE).update(person=cast.person("宋雨桐"))
    assert demo.load().total == 0


def test_a_user_name_that_somebody_else_took_stays_his() -> None:
    human = cast.person("孙雅静")
    human.username, human.credential = None, None
    human.save()
    Person.objects.filter(pk=cast.person("马文涛").pk).update(username="sunyajing")
    assert demo.load().total == 0
    assert cast.person("孙雅静").username is None


def test_the_command_shows_five_ways_of_signing_in(settings: Settings) -> None:
    lines = run(settings).splitlines()[-5:]
    firm = "91210103MA0HC00240, Haichuan-2026-ok"
    staff = "林若兰 / 孙雅静 / 郑海涛 / 黄志强 / 董佳慧"
    theirs = "Ruolan-2026-ok / Yajing-2026-ok / Haitao-2026-ok / Zhiqiang-2026-ok / Jiahui-2026-ok"
    first = "91210102MA0YF0018M, Yunfan-2026-ok | 王晓敏 | enterprise password, SMS, then set a personal password"
    bound = "natural password Chenxi-nat-2026; own Chenxi-2026-ok not until unbound"
    assert [line.strip() for line in lines] == [
        f"普通登录, first | {first}",
        f"普通登录 | {firm} | 钱思远 | personal password Siyuan-2026-ok",
        f"普通登录 | {firm} | {staff} | personal password {theirs}",
        f"普通登录, bound | {firm} | 何晨曦 | {bound}",
        f"快捷登录 | {firm} | 林若兰 | enterprise password, phone 19900000007, SMS",
    ]


def test_it_refuses_where_debug_is_off(settings: Settings) -> None:
    settings.DEBUG = False
    Engagement.objects.all().delete()
    with pytest.raises(CommandError, match="DEBUG is off"):
        call_command("demo")
    assert not Engagement.objects.exists()
