"""The demo world: seven firms and everybody who works in them, as a table to be read, and the loading of it.

All names and numbers are made up, their check digits are right. The passwords stand here and nowhere else: tests take
them from these rows (`tests/cast.py`), the README and `manage.py demo` show the first of `DOORS`.
"""

from collections.abc import Collection
from dataclasses import astuple, dataclass
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import passwords
from accounts.models import Credential, Person, Taxpayer
from accounts.numbers import IdType
from agencies.models import Engagement
from realname.models import LEADS, Position, Post, RealNameRecord
from staff import functions
from staff.models import Identity, Membership

ENTERPRISE, AGENCY, SOCIAL_INSURANCE = Taxpayer.Kind.ENTERPRISE, Taxpayer.Kind.AGENCY, Taxpayer.Kind.SOCIAL_INSURANCE
LEGAL_REP, FINANCE, CLERK = Position.LEGAL_REP, Position.FINANCE, Position.CLERK

# How long before the load what has happened happened, so that the order of things is right on every day.
COLLECTED, ADDED, ENGAGED, FROZEN = timedelta(days=90), timedelta(days=60), timedelta(days=30), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Firm:
    """A taxpayer, with its enterprise password and the day since when the bureau knows it."""

    key: str
    code: str
    name: str
    kind: str
    password: str
    since: date


@dataclass(frozen=True, slots=True)
class Human:
    """A person with a resident id; with a user name he has an account of his own, with a group he is an officer.

    `phone` is his real-name phone if he is collected (M7); else it is only what the register has for him.
    """

    name: str
    id_number: str
    phone: str
    username: str = ""
    password: str = ""
    group: str = ""
    collected: bool = True


@dataclass(frozen=True, slots=True)
class Seat:
    """A post in the tax register (D31). `mobile` is None where the register has the real-name phone (M91).

    It begins with the firm, or last month where it is `new`, and is open unless it is `ended` last month.
    """

    firm: str
    name: str
    position: Position
    mobile: str | None = None
    landline: str = ""
    linked: bool = True
    new: bool = False
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Role:
    """A 权限身份 of a firm and the functions ticked in it (M25)."""

    firm: str
    name: str
    description: str
    functions: Collection[str]


@dataclass(frozen=True, slots=True)
class Member:
    """A membership, with its personal password (empty: not set yet) and its identities."""

    firm: str
    name: str
    password: str = ""
    identities: tuple[str, ...] = ()
    manager: bool = False
    frozen: bool = False
    bound: bool = False


@dataclass(frozen=True, slots=True)
class Lending:
    """代理机构认定: a client lends an identity to an agency's handlers (D23); with no identity it is only asked for."""

    client: str
    agency: str
    identity: str = ""
    handlers: tuple[str, ...] = ()
    until_next_year: bool = False


@dataclass(frozen=True, slots=True)
class Door:
    """A line of the sign-in table; {personal}, {natural}, {username} and {phone} stand for the people's own."""

    door: str
    firm: str
    names: tuple[str, ...]
    how: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows of each sort a load made."""

    taxpayers: int
    people: int
    collections: int
    posts: int
    identities: int
    memberships: int
    engagements: int

    @property
    def total(self) -> int:
        """All of them together: nought when everything was there."""
        return sum(astuple(self))


FIRMS = (
    Firm("YF", "91210102MA0YF0018M", "沈阳云帆科技有限公司", ENTERPRISE, "Yunfan-2026-ok", date(2026, 1, 5)),
    Firm("HC", "91210103MA0HC00240", "沈阳海川贸易有限公司", ENTERPRISE, "Haichuan-2026-ok", date(2021, 3, 15)),
    Firm("MH", "92210202MA0MH0034M", "大连明湖餐饮店", ENTERPRISE, "Minghu-2026-ok", date(2022, 6, 1)),
    Firm("BC", "91210112MA0BC007X4", "沈阳北辰机械制造有限公司", ENTERPRISE, "Beichen-2026-ok", date(2019, 3, 1)),
    Firm("CG", "52210106MJ0CG0040L", "沈阳晨光幼儿园", SOCIAL_INSURANCE, "Chenguang-2026-ok", date(2020, 9, 1)),
    Firm("XD", "91210102MA0XD0059T", "辽宁信达税务师事务所有限公司", AGENCY, "Xinda-2026-ok", date(2018, 5, 7)),
    Firm("HX", "91210202MA0HX00615", "大连恒信财税咨询有限公司", AGENCY, "Hengxin-2026-ok", date(2023, 4, 10)),
)

PEOPLE = (
    Human("王晓敏", "210102199004060042", "19900000001"),
    Human("赵铁柱", "210106198811090038", "19900000002"),
    Human("孙雅静", "210202199207190029", "19900000003", "sunyajing", "Yajing-nat-2026"),
    Human("周文博", "210102198502280019", "19900000004", collected=False),
    Human("郑海涛", "210112199305150036", "19900000005"),
    Human("钱思远", "21010219950909001X", "19900000006"),
    Human("林若兰", "210102198706170065", "19900000007"),
    Human("黄志强", "21010419910321007X", "19900000008"),
    Human("何晨曦", "210102199602140085", "19900000009", "hechenxi", "Chenxi-nat-2026"),
    Human("马文涛", "210106198909300099", "19900000010"),
    Human("董佳慧", "210106199211050221", "19900000011"),
    Human("宋雨桐", "210202199408250446", "19900000012"),
    Human("徐明湖", "21020219840618011X", "19900000013"),
    Human("冯天宇", "210103199001010556", "19900000014"),
    Human("邓丽娟", "210105198307070664", "19900000015"),
    Human("罗建平", "210102197912200339", "19900000016"),
    Human("高振华", "210112197605030774", "19900000017"),
    Human("吴秀兰", "21010519681230088X", "19900000018"),
    Human("陈国栋", "210203198001010055", "19900000019"),
    Human("沈小燕", "210104199503160024", "19900000020"),
    Human("顾前程", "210103198807200012", "19900000021", "officer", "officer-2026-ok", "前台"),
    Human("高明远", "210105198609110019", "19900000022", "reviewer", "reviewer-2026-ok", "审核"),
)

POSTS = (
    Seat("YF", "王晓敏", LEGAL_REP),
    Seat("YF", "赵铁柱", FINANCE, mobile="", landline="19900000002"),  # the mobile number in the wrong box (M92)
    Seat("YF", "孙雅静", CLERK),
    Seat("HC", "孙雅静", CLERK),
    Seat("YF", "周文博", CLERK, linked=False),
    Seat("YF", "郑海涛", CLERK),
    Seat("HC", "郑海涛", CLERK),
    Seat("HC", "钱思远", LEGAL_REP),
    Seat("HC", "林若兰", FINANCE),
    Seat("HC", "黄志强", CLERK),
    Seat("HC", "何晨曦", CLERK),
    Seat("HC", "马文涛", CLERK),
    Seat("HC", "董佳慧", CLERK, ended=True),  # the membership outlives the post: M102
    Seat("HC", "宋雨桐", CLERK),
    Seat("MH", "徐明湖", LEGAL_REP),
    Seat("XD", "冯天宇", LEGAL_REP),
    Seat("XD", "邓丽娟", CLERK),
    Seat("MH", "邓丽娟", CLERK),  # 四员: a client's own clerk can't be its agency's handler (D23)
    Seat("XD", "罗建平", CLERK),
    Seat("HX", "高振华", LEGAL_REP),
    Seat("BC", "吴秀兰", LEGAL_REP, new=True),
    Seat("BC", "陈国栋", LEGAL_REP, ended=True),
    Seat("HC", "沈小燕", CLERK, mobile="19900000099"),  # not the real-name phone (M91)
)

IDENTITIES = (
    Role("HC", "全量办税", "全部功能", functions.ALL),
    Role("HC", "查询员", "我要查询", functions.branch_codes("query")),
    Role("HC", "空身份", "未勾选功能", ()),
    Role("MH", "查询员", "我要查询", functions.branch_codes("query")),
    Role("XD", "代理专员", "全部功能", functions.ALL),
)

MEMBERS = (
    Member("HC", "钱思远", "Siyuan-2026-ok"),
    Member("HC", "林若兰", "Ruolan-2026-ok"),
    Member("HC", "孙雅静", "Yajing-2026-ok", ("全量办税",)),
    Member("HC", "郑海涛", "Haitao-2026-ok", ("全量办税",), manager=True),
    Member("HC", "黄志强", "Zhiqiang-2026-ok", ("查询员",), frozen=True),
    Member("HC", "何晨曦", "Chenxi-2026-ok", ("查询员",), bound=True),
    Member("HC", "马文涛", "", ("空身份",)),
    Member("HC", "董佳慧", "Jiahui-2026-ok", ("全量办税",)),
    Member("MH", "徐明湖", "Minghu-lr-2026"),
    Member("XD", "冯天宇", "Tianyu-2026-ok"),
    Member("XD", "邓丽娟", "Lijuan-2026-ok", ("代理专员",)),
    Member("XD", "罗建平", "Jianping-2026-ok", ("代理专员",)),
    Member("HX", "高振华", "Zhenhua-2026-ok"),
    Member("BC", "陈国栋", "Guodong-2026-ok"),
    Member("HC", "沈小燕", "Xiaoyan-2026-ok", ("全量办税",)),
)

ENGAGEMENTS = (
    Lending("HC", "XD", "全量办税", ("邓丽娟", "罗建平"), until_next_year=True),
    Lending("MH", "XD", "查询员", ("罗建平",)),
    Lending("HC", "HX"),
)

DOORS = (
    Door("普通登录, first", "YF", ("王晓敏",), "enterprise password, SMS, then set a personal password"),
    Door("普通登录", "HC", ("钱思远",), "personal password {personal}"),
    Door("普通登录", "HC", ("林若兰", "孙雅静", "郑海涛", "黄志强", "董佳慧"), "personal password {personal}"),
    Door("普通登录, bound", "HC", ("何晨曦",), "natural password {natural}; own {personal} not until unbound"),
    Door("快捷登录", "HC", ("林若兰",), "enterprise password, phone {phone}, SMS"),
    Door("自然人登录", "", ("孙雅静", "何晨曦"), "user name {username}, password {natural}"),
    Door("代理机构登录", "XD", ("邓丽娟", "罗建平"), "personal password {personal}, then a client"),
    Door("普通登录", "MH", ("徐明湖",), "personal password {personal}"),
    Door("普通登录", "XD", ("冯天宇",), "personal password {personal}"),
    Door("普通登录", "HX", ("高振华",), "personal password {personal}"),
    Door("普通登录", "HC", ("沈小燕",), "personal password {personal} (by SMS: refused, the phones differ)"),
    Door("/bureau/", "", ("顾前程", "高明远"), "user name {username}, password {natural}, then a code to the phone"),
)

FIRM_OF_KEY = {row.key: row for row in FIRMS}
HUMAN_OF_NAME = {row.name: row for row in PEOPLE}


def changeover(today: date) -> date:
    """The last day of the month before: the first on which an `ended` post doesn't hold and a `new` one does."""
    return today.replace(day=1) - timedelta(days=1)


def taxpayer(key: str) -> Taxpayer:
    """The firm's row; KeyError where the demo has no such firm, DoesNotExist before it is loaded."""
    return Taxpayer.objects.get(code=FIRM_OF_KEY[key].code)


def person(name: str) -> Person:
    """The person's row; KeyError where the demo has no such person, DoesNotExist before it is loaded."""
    return Person.objects.by_id_number(IdType.RESIDENT, HUMAN_OF_NAME[name].id_number).get()


def load() -> Counts:
    """Make what of the world is missing, in one transaction, and overwrite nothing.

    A row that was ended or removed since counts as there: loading anew never undoes what somebody did in the portal.
    """
    with transaction.atomic():
        if settings.SSO:
            from etax.sso import stand_in

            stand_in.connect()
        return Counts(
            taxpayers=sum(_make_taxpayer(row) for row in FIRMS),
            people=sum(_make_person(row) for row in PEOPLE),
            collections=sum(_collect(row) for row in PEOPLE),
            posts=sum(_make_post(row) for row in POSTS),
            identities=sum(_make_identity(row) for row in IDENTITIES),
            memberships=sum(_make_membership(row) for row in MEMBERS),
            engagements=sum(_make_engagement(row) for row in ENGAGEMENTS),
        )


def _credential(password: str) -> Credential | None:
    return passwords.store(None, passwords.hash_new(password)) if password else None


def _start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def _make_taxpayer(row: Firm) -> bool:
    """The taxpayer, opened with its password; one that only the register import brought is opened now."""
    firm, _made = Taxpayer.objects.get_or_create(code=row.code, defaults={"name": row.name, "kind": row.kind})
    if firm.opened_at or firm.cancelled_at or firm.credential:
        return False
    firm.credential, firm.opened_at = _credential(row.password), _start_of(row.since)
    firm.save(update_fields=["credential", "opened_at"])
    return True


def _make_person(row: Human) -> bool:
    """The person, with his account; whoever only the register import brought gets the account now."""
    human = Person.objects.by_id_number(IdType.RESIDENT, row.id_number).first()
    if human is None:
        human = Person.objects.create(name=row.name, id_type=IdType.RESIDENT, id_number=row.id_number)
        _open_account(human, row)
        return True
    return human.username is None and human.credential is None and _open_account(human, row)


def _open_account(human: Person, row: Human) -> bool:
    if not row.username or Person.objects.filter(username=row.username).exists():
        return False
    human.username, human.credential = row.username, _credential(row.password)
    human.is_staff = bool(row.group)
    human.save(update_fields=["username", "credential", "is_staff"])
    if row.group:
        human.groups.add(Group.objects.get_or_create(name=row.group)[0])
    return True


def _collect(row: Human) -> bool:
    """The real-name collection, and with it the real-name phone; one that was withdrawn isn't made anew (D26)."""
    human = person(row.name)
    if not row.collected or human.real_name_records.exists():
        return False
    human.phone = human.phone or row.phone
    human.save(update_fields=["phone", "phone_hash"])
    RealNameRecord.objects.create(
        person=human, phone=human.phone, method=RealNameRecord.Method.COUNTER, collected_at=timezone.now() - COLLECTED
    )
    return True


def _make_post(row: Seat) -> bool:
    """The post, unless the register has or had it, or the one seat of an LR or FR is taken."""
    firm, human, today = taxpayer(row.firm), person(row.name), timezone.localdate()
    posts = Post.objects.filter(taxpayer=firm, position=row.position)
    if posts.filter(person=human).exists():
        return False
    taken = posts.filter(Q(until__isnull=True) | Q(until__gt=today))
    if row.position in LEADS and not row.ended and taken.exists():
        return False
    since = changeover(today) if row.new else FIRM_OF_KEY[row.firm].since
    Post.objects.create(
        taxpayer=firm,
        person=human,
        position=row.position,
        mobile=HUMAN_OF_NAME[row.name].phone if row.mobile is None else row.mobile,
        landline=row.landline,
        since=since,
        until=changeover(today) if row.ended else None,
        linked_at=max(timezone.now() - COLLECTED, _start_of(since)) if row.linked else None,
    )
    return True


def _make_identity(row: Role) -> bool:
    identity, made = Identity.objects.get_or_create(
        taxpayer=taxpayer(row.firm), name=row.name, defaults={"description": row.description}
    )
    if made:
        identity.grant(row.functions)
    return made


def _make_membership(row: Member) -> bool:
    firm, human, now = taxpayer(row.firm), person(row.name), timezone.now()
    if Membership.objects.filter(taxpayer=firm, person=human).exists():
        return False
    membership = Membership.objects.create(
        taxpayer=firm,
        person=human,
        credential=_credential(row.password),
        is_manager=row.manager,
        added_at=now - ADDED,
        bound_at=now - ENGAGED if row.bound else None,
        frozen_at=now - FROZEN if row.frozen else None,
    )
    membership.identities.set(Identity.objects.filter(taxpayer=firm, name__in=row.identities))
    return True


def _make_engagement(row: Lending) -> bool:
    agency, client, now = taxpayer(row.agency), taxpayer(row.client), timezone.now()
    if Engagement.objects.filter(agency=agency, client=client).exists():
        return False
    engagement = Engagement.objects.create(
        agency=agency,
        client=client,
        identity=Identity.objects.get(taxpayer=client, name=row.identity) if row.identity else None,
        valid_from=timezone.localdate(now - ENGAGED) if row.identity else None,
        valid_until=date(timezone.localdate(now).year + 1, 12, 31) if row.until_next_year else None,
        proposed_at=now - ENGAGED,
        recognised_at=now - ENGAGED if row.identity else None,
    )
    engagement.handlers.set(person(name) for name in row.handlers)
    return True
