"""添加办税人员: who is found and who isn't, and what the new clerk gets (M27 to M31, M87, M93, M94, D8, D12, D19)."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils import timezone

from accounts import numbers, passwords
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.limits import SEARCHES
from accounts.models import Throttle
from realname.models import Post
from staff import functions, standing
from staff.models import Membership
from staff.services import adding
from staff.services import members as acts
from tests import cast
from tests.staff.acting import actor, entries, identity, newcomer, refusal, without_tokens
from tests.visitor import words

SEARCH, LIST = "/staff/add/", "/staff/"
NAME, NUMBER, PHONE = "宋雨桐", cast.ID_NUMBERS["宋雨桐"], cast.PHONES["宋雨桐"]
NEW = "雨桐的第一个密码"
NOBODY = "未查询到该人员信息"
OPERATIONS = "query.record.operations"
_NEXT = re.compile(rf'href="({SEARCH}[^"]+/)"[^>]*>下一步')
_TYPED = re.compile(r'(name="(?:name|id_number)") value="[^"]*"')


def query(name: str = NAME, number: str = NUMBER, id_type: str = "resident") -> dict[str, str]:
    return {"name": name, "id_type": id_type, "id_number": number}


def next_of(answer) -> str:
    """Where 【下一步】 leads; empty where nobody was found."""
    found = _NEXT.search(answer.content.decode())
    return found[1] if found else ""


def choice(*names: str, password: str = NEW, **more) -> dict[str, object]:
    return {"password": password, "identities": [str(identity(name).uid) for name in names], **more}


def is_member(name: str = NAME) -> bool:
    return Membership.objects.open().filter(person=cast.person(name), taxpayer=cast.taxpayer("HC")).exists()


@pytest.fixture
def lead(visitor):
    """钱思远, signed in by SMS."""
    visitor.sign_in_by_sms("HC", "钱思远")
    return visitor


@pytest.fixture
def manager(visitor):
    """郑海涛, a clerk with 管理权限, who holds two functions; signed in by SMS."""
    narrow = cast.taxpayer("HC").identities.create(name="窄")
    narrow.grant([OPERATIONS, "info.taxpayer.basic"])
    cast.membership("HC", "郑海涛").identities.set([narrow])
    visitor.sign_in_by_sms("HC", "郑海涛")
    return visitor


@pytest.fixture
def by(world) -> Actor:
    """钱思远 for the services."""
    return actor("HC", "钱思远")


# 搜索.


@pytest.mark.rule("M27", "M28", "M29", "D19", "D27", "D28")
def test_name_document_and_number_find_the_registered_collected_linked_clerk_masked(lead):
    page = words(lead.get(SEARCH))
    for text in ("姓名", "身份证件类型", "身份证件号码", "搜索", "且经过实名信息采集并与企业关联"):
        assert text in page
    answer = lead.post(SEARCH, query())
    found = words(answer).split("查询结果")[1]
    for text in ("宋*桐", "2102**********0446", "199****0012", "办税员", "下一步"):
        assert text in found
    assert NUMBER not in found
    assert next_of(answer)
    (entry,) = entries(Kind.MEMBER_SEARCHED)
    assert (entry.person, entry.target, entry.result) == (cast.person("钱思远"), cast.person(NAME), "done")
    assert entry.details == {"id_number": "2102**********0446"}


@pytest.mark.rule("VAL-02", "D29")
@pytest.mark.parametrize(
    "number", ["２１０２０２１９９４０８２５０４４６", " 210202 19940825 0446 ", "210202-19940825-0446"]
)
def test_the_number_is_folded_before_it_is_looked_up(lead, number):
    assert next_of(lead.post(SEARCH, query(number=number)))


@pytest.fixture
def four_kinds_of_nobody(world) -> dict[str, tuple[str, str, str]]:
    """One who doesn't exist, one not registered here, one not collected, one not linked; all with a passport."""
    firm, mh = cast.taxpayer("HC"), cast.taxpayer("MH")
    newcomer(mh, 1, name="甲甲甲", member=False)
    newcomer(firm, 2, name="乙乙乙", member=False).real_name_records.update(revoked_at=timezone.now())
    newcomer(firm, 3, name="丙丙丙", member=False).posts.update(linked_at=None)
    return {
        "not existing": ("丁丁丁", "N00000004", "passport"),
        "not registered here": ("甲甲甲", "N00000001", "passport"),
        "not collected": ("乙乙乙", "N00000002", "passport"),
        "not linked": ("丙丙丙", "N00000003", "passport"),
    }


@pytest.mark.rule("M29", "M30", "M87", "M93", "D19", "STF-01")
def test_the_four_kinds_of_nobody_get_byte_for_byte_the_same_page_with_the_three_conditions(lead, four_kinds_of_nobody):
    pages = {}
    for kind, (name, number, id_type) in four_kinds_of_nobody.items():
        answer = lead.post(SEARCH, query(name, number, id_type))
        assert answer.status_code == 400
        assert NOBODY in words(answer)
        for condition in ("税务登记的【办税人员信息】", "已完成实名采集", "已与本企业关联"):
            assert condition in words(answer)
        pages[kind] = _TYPED.sub(r"\1", without_tokens(answer))
    assert len(set(pages.values())) == 1
    found = entries(Kind.MEMBER_SEARCHED)
    assert {(entry.reason, entry.target, str(entry.details)) for entry in found} == {
        ("candidate_not_found", None, "{'id_number': '" + masked + "'}")
        for masked in (numbers.mask_id_number(number) for _name, number, _type in four_kinds_of_nobody.values())
    }


@pytest.mark.rule("M28", "STF-01", "D19")
@pytest.mark.parametrize("wrong", [{"name": "宋雨"}, {"name": "宋雨彤"}, {"number": cast.ID_NUMBERS["孙雅静"]}])
def test_name_document_and_number_must_all_be_right(lead, by, wrong):
    assert refusal(adding.find, **query(id_type="passport"), by=by) == "candidate_not_found"
    answer = lead.post(SEARCH, query(**wrong))
    assert NOBODY in words(answer)
    assert next_of(answer) == ""


@pytest.mark.rule("D19", "D31", "D9")
@pytest.mark.parametrize("name", ["王晓敏", "周文博", "董佳慧", "徐明湖"])
def test_people_of_other_firms_uncollected_and_ended_ones_are_not_found(by, name):
    number = cast.ID_NUMBERS[name]
    assert refusal(adding.find, **query(name, number), by=by) == "candidate_not_found"


@pytest.mark.rule("D9", "D31")
def test_a_lead_without_a_membership_is_not_found_as_a_clerk(by):
    Membership.objects.filter(person=cast.person("林若兰")).delete()
    assert refusal(adding.find, **query("林若兰", cast.ID_NUMBERS["林若兰"]), by=by) == "candidate_not_found"


@pytest.mark.rule("STF-01")
def test_who_is_a_member_already_is_said_to_be_one(lead, by):
    assert refusal(adding.find, **query("孙雅静", cast.ID_NUMBERS["孙雅静"]), by=by) == "already_added"
    answer = lead.post(SEARCH, query("孙雅静", cast.ID_NUMBERS["孙雅静"]))
    assert "该人员已是本企业的办税人员" in words(answer)
    assert next_of(answer) == ""


@pytest.mark.rule("D28", "STF-01")
def test_a_search_that_hits_a_member_is_recorded_like_every_other(by):
    refusal(adding.find, **query("孙雅静", cast.ID_NUMBERS["孙雅静"]), by=by)
    (entry,) = entries(Kind.MEMBER_SEARCHED)
    assert entry.reason == "already_added"


@pytest.mark.rule("VAL-01", "VAL-03", "VAL-04", "D29")
@pytest.mark.parametrize(
    "data",
    [
        query(number="210202199408250447"),
        query(number="1"),
        query(number=""),
        query(name=""),
        query(name="a\0b"),
        query(id_type="driving_licence"),
        query(number="x" * 61),
        {**query(), "name": ["宋雨桐", "孙雅静"]},
    ],
)
def test_what_cannot_be_is_400_and_takes_nothing_from_the_searches(lead, data):
    answer = lead.post(SEARCH, data)
    assert answer.status_code == 400
    assert NOBODY not in words(answer)
    assert not Throttle.objects.filter(key__startswith="searches").exists()
    assert entries(Kind.MEMBER_SEARCHED) == []


@pytest.mark.rule("D19", "STF-01")
def test_the_eleventh_search_within_an_hour_is_refused_even_if_it_would_find(lead):
    for _ in range(SEARCHES.count):
        assert lead.post(SEARCH, query("丁丁丁")).status_code == 400
    answer = lead.post(SEARCH, query())
    assert "查询次数过多，请在60分钟后再试" in words(answer)
    assert next_of(answer) == ""
    assert entries(Kind.MEMBER_SEARCHED)[-1].reason == "searches"
    assert entries(Kind.MEMBER_SEARCHED)[-1].target is None


@pytest.mark.rule("D19", "STF-01")
def test_searches_are_counted_for_one_actor_in_one_firm_and_start_anew_after_an_hour(by):
    assert (SEARCHES.count, SEARCHES.period) == (10, timedelta(hours=1))
    for _ in range(SEARCHES.count):
        assert refusal(adding.find, **query("丁丁丁"), by=by) == "candidate_not_found"
    assert refusal(adding.find, **query(), by=by) == "searches"
    assert adding.find(**query(), by=actor("HC", "林若兰")).person == cast.person(NAME)
    Throttle.objects.filter(key__startswith="searches").update(resets_at=timezone.now() - timedelta(seconds=1))
    assert adding.find(**query(), by=by).person == cast.person(NAME)


@pytest.mark.rule("D8", "STF-01")
@pytest.mark.parametrize("name", ["孙雅静", "何晨曦"])
def test_a_clerk_without_management_neither_searches_nor_adds(world, by, name):
    found = adding.find(**query(), by=by)
    clerk = actor("HC", name)
    for call in (
        lambda: adding.find(**query(), by=clerk),
        lambda: adding.candidate(adding.token_for(found, by=clerk), by=clerk),
        lambda: adding.add(found, password=NEW, identities=[identity()], is_manager=False, by=clerk),
    ):
        with pytest.raises(PermissionDenied):
            call()
    assert [entry.reason for entry in entries(Kind.ACT_REFUSED)] == ["not_manager"] * 3
    assert not is_member()


@pytest.mark.rule("D15", "STF-07")
def test_a_weak_sign_in_needs_a_code_to_search_and_to_add(by):
    found, weak = adding.find(**query(), by=by), actor("HC", "林若兰", proof="enterprise_password")
    assert refusal(adding.find, **query(), by=weak) == "code_needed"
    assert refusal(adding.candidate, adding.token_for(found, by=weak), by=weak) == "code_needed"
    add = {"password": NEW, "identities": [identity()], "is_manager": False}
    assert refusal(adding.add, found, **add, by=weak) == "code_needed"


# The token that carries the person found to the next page.


@pytest.mark.rule("D19", "FLOW-02", "AUZ-03")
def test_a_token_is_good_for_its_actor_in_its_firm_only(by):
    found = adding.find(**query(), by=by)
    token = adding.token_for(found, by=by)
    assert adding.candidate(token, by=by).person == cast.person(NAME)
    assert refusal(adding.candidate, token, by=actor("HC", "林若兰")) == "search_again"
    Post.objects.create(
        taxpayer=cast.taxpayer("MH"),
        person=cast.person("钱思远"),
        position="finance",
        since="2026-01-05",
        linked_at=timezone.now(),
    )
    same_person_elsewhere = actor("MH", "钱思远")
    assert same_person_elsewhere.is_lead
    assert refusal(adding.candidate, token, by=same_person_elsewhere) == "search_again"


@pytest.mark.rule("D19", "STF-01")
def test_a_token_forged_old_or_of_another_salt_leads_back_to_the_search(lead, by):
    found = adding.find(**query(), by=by)
    token = adding.token_for(found, by=by)
    uids = [str(found.person.uid), str(found.taxpayer.uid), str(by.person.uid)]
    forged = signing.dumps(uids, salt="candidate", key="another key")
    other = signing.dumps(uids, salt="known-browser")
    short = signing.dumps(uids[:2], salt="candidate")
    for bad in (token[:-1] + ("A" if token[-1] != "A" else "B"), forged, other, short, "x", token + "x"):
        assert refusal(adding.candidate, bad, by=by) == "search_again"
        answer = lead.get(reverse("staff:add_member", args=[bad]))
        assert answer.url == SEARCH
        assert "查询结果已失效，请重新搜索" in words(lead.get(SEARCH))
    with time_machine.travel(timezone.now() + timedelta(minutes=10, seconds=1), tick=False):
        assert refusal(adding.candidate, token, by=actor("HC", "钱思远")) == "search_again"


@pytest.mark.rule("D19", "STF-01")
def test_a_token_of_somebody_who_may_no_longer_be_added_leads_back(by):
    found = adding.find(**query(), by=by)
    token = adding.token_for(found, by=by)
    for change in ({"linked_at": None}, {"until": timezone.localdate()}):
        post = Post.objects.filter(person=found.person)
        kept = post.values(*change).get()
        post.update(**change)
        assert refusal(adding.candidate, token, by=by) == "search_again"
        post.update(**kept)
    assert adding.candidate(token, by=by)
    found.person.real_name_records.update(revoked_at=timezone.now())
    assert refusal(adding.candidate, token, by=by) == "search_again"


@pytest.mark.rule("D27", "LOG-05")
def test_the_address_of_the_next_page_carries_neither_name_nor_number(lead):
    there = next_of(lead.post(SEARCH, query()))
    token = there.removeprefix(SEARCH).rstrip("/")
    said = str(signing.loads(token, salt="candidate"))
    for secret in (NAME, NUMBER, PHONE, NUMBER[-6:]):
        assert secret not in said + there


# 身份与权限, 确定.


@pytest.mark.rule("M31", "M32", "M101", "D6", "D7")
def test_the_whole_story_from_the_search_to_the_new_clerks_menu(lead, other_visitor):
    there = next_of(lead.post(SEARCH, query()))
    page = words(lead.get(there))
    for text in ("宋*桐", "个人登录密码", "权限身份", "管理权限", "确定", "查询员（"):
        assert text in page
    answer = lead.post(there, choice("查询员"))
    assert answer.url == LIST
    listed = words(lead.get(LIST))
    assert "已添加宋*桐为办税人员，并已短信告知本人" in listed
    assert lead.texts_to(PHONE) == [
        "【辽宁省电子税务局】您已被添加为“沈阳海川贸易有限公司”的办税人员。如非您知情，请联系企业或税务机关。"
    ]
    other_visitor.go_to_verify("HC", NAME)
    assert other_visitor.post(reverse("staff:verify_by_password"), {"password": NEW}).url == reverse("home")
    home = words(other_visitor.get("/"))
    assert "历史办税操作查询" in home
    assert "我要办税" not in home
    assert "企业人员维护" not in home
    assert standing.of_person(cast.person(NAME), cast.taxpayer("HC")).held_functions() == (
        functions.branch_codes("query")
    )


@pytest.mark.rule("M31", "D28", "LOG-02")
def test_adding_is_recorded_with_identities_and_management_and_without_the_password(lead):
    there = next_of(lead.post(SEARCH, query()))
    lead.post(there, choice("查询员", "空身份", is_manager="on"))
    (entry,) = entries(Kind.MEMBER_ADDED)
    assert (entry.person, entry.target, entry.taxpayer) == (
        cast.person("钱思远"),
        cast.person(NAME),
        cast.taxpayer("HC"),
    )
    assert entry.details == {"identities": ["查询员", "空身份"], "is_manager": True}
    member = cast.membership("HC", NAME)
    assert member.is_manager
    assert (member.version, member.frozen_at, member.bound_at, member.valid_until) == (1, None, None, None)


def without_identities() -> None:
    Membership.identities.through.objects.all().delete()
    cast.taxpayer("HC").engagements_as_client.all().update(identity=None, recognised_at=None)
    cast.taxpayer("HC").identities.all().delete()


@pytest.mark.rule("M94", "M27", "D19")
def test_without_any_identity_no_search_is_spent_to_say_so(lead):
    without_identities()
    for answer in (lead.get(SEARCH), lead.post(SEARCH, query())):
        assert "须先通过【身份维护】维护相应的身份" in words(answer)
        assert f'href="{reverse("staff:identities")}"' in answer.content.decode()
        assert "搜索</button>" not in answer.content.decode()
    assert entries(Kind.MEMBER_SEARCHED) == []


@pytest.mark.rule("M94", "M27")
def test_without_any_identity_the_page_says_so_and_leads_to_them(lead):
    there = next_of(lead.post(SEARCH, query()))
    without_identities()
    answer = lead.get(there)
    assert "须先通过【身份维护】维护相应的身份" in words(answer)
    assert f'href="{reverse("staff:identities")}"' in answer.content.decode()
    assert "确定</button>" not in answer.content.decode()


@pytest.mark.rule("M31")
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"identities": []}, "请至少勾选一个权限身份"),
        ({"identities": ["x"]}, "请更正后再提交"),
        ({"password": ""}, "请输入个人登录密码"),
        ({"password": ["Eins-2026-neu", "Zwei-2026-neu"]}, "同一项目只能填写一个值"),
    ],
)
def test_a_form_that_is_not_whole_adds_nobody(lead, changed, said):
    there = next_of(lead.post(SEARCH, query()))
    answer = lead.post(there, {**choice("查询员"), **changed})
    assert answer.status_code == 400
    assert said in words(answer)
    assert not is_member()


@pytest.mark.rule("D12", "PW-04", "PW-07", "RST-06")
@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("kurz-7x", "password_too_short"),
        ("x" * 129, "password_too_long"),
        ("111111", "password_too_short"),
        ("abc123456", "password_forbidden"),
        ("１２３４５６７８", "password_too_common"),
        (NUMBER, "password_forbidden"),
        (PHONE, "password_forbidden"),
        ("沈阳海川贸易有限公司", "password_forbidden"),
        (cast.CODES["HC"].lower(), "password_forbidden"),
        (cast.ENTERPRISE_PASSWORDS["HC"], "password_shared"),
    ],
)
def test_a_first_password_that_breaks_a_rule_adds_nobody(lead, by, password, code):
    found = adding.find(**query(), by=by)
    add = {"password": password, "identities": [identity()], "is_manager": False}
    assert refusal(adding.add, found, **add, by=by) == code
    answer = lead.post(reverse("staff:add_member", args=[adding.token_for(found, by=by)]), choice("查询员") | add)
    assert answer.status_code == 400
    assert not is_member()
    assert entries(Kind.MEMBER_ADDED, result="done") == []


@pytest.mark.rule("D12", "PW-08")
def test_the_clerks_own_natural_password_is_never_compared(by):
    person = cast.person(NAME)
    person.credential = passwords.store(None, passwords.hash_new("Yutong-nat-2026"))
    person.save()
    found = adding.find(**query(), by=by)
    member = adding.add(found, password="Yutong-nat-2026", identities=[identity()], is_manager=False, by=by)
    assert passwords.check(member.credential, "Yutong-nat-2026")


@pytest.mark.rule("D12", "PW-08")
def test_the_password_of_whoever_adds_is_never_compared_either(by):
    found = adding.find(**query(), by=by)
    own = cast.PERSONAL_PASSWORDS["HC", "钱思远"]
    assert adding.add(found, password=own, identities=[identity()], is_manager=False, by=by)


@pytest.mark.rule("PW-05", "PW-06")
def test_the_first_password_is_taken_as_typed_and_in_nfkc(by):
    found = adding.find(**query(), by=by)
    member = adding.add(found, password=" ｙｕｔｏｎｇ 桐 ", identities=[identity()], is_manager=False, by=by)
    assert passwords.check(member.credential, " yutong 桐 ")
    assert not passwords.check(member.credential, "yutong 桐")


@pytest.mark.rule("D8", "AUZ-04")
def test_a_manager_gives_no_management_whatever_he_posts(manager):
    there = next_of(manager.post(SEARCH, query()))
    page = manager.get(there)
    assert 'name="is_manager"' not in page.content.decode()
    assert manager.post(there, choice("窄", is_manager="on")).url == LIST
    assert not cast.membership("HC", NAME).is_manager


@pytest.mark.rule("D8")
def test_the_service_itself_lets_no_manager_give_management(world):
    by = actor("HC", "郑海涛")
    found = adding.find(**query(), by=by)
    add = {"password": NEW, "identities": [identity()], "is_manager": True}
    assert refusal(adding.add, found, **add, by=by) == "only_leads_give_management"
    assert not is_member()


@pytest.mark.rule("D8")
def test_a_manager_gives_only_identities_within_his_own_functions(manager):
    there = next_of(manager.post(SEARCH, query()))
    for names in (["查询员"], ["窄", "全量办税"]):
        answer = manager.post(there, choice(*names))
        assert answer.status_code == 400
        assert "您只能授予您本人拥有的功能" in words(answer)
    by = actor("HC", "郑海涛")
    add = {"password": NEW, "identities": [identity("窄"), identity("查询员")], "is_manager": False}
    assert refusal(adding.add, adding.find(**query(), by=by), **add, by=by) == "function_not_held"
    assert not is_member()
    assert manager.post(there, choice("窄", "空身份")).url == LIST


@pytest.mark.rule("AUZ-02", "AUZ-03")
def test_an_identity_of_another_firm_is_never_given(lead, by):
    found = adding.find(**query(), by=by)
    foreign = identity(key="MH")
    add = {"password": NEW, "is_manager": False}
    assert refusal(adding.add, found, **add, identities=[foreign], by=by) == "foreign_identity"
    assert refusal(adding.add, found, **add, identities=[], by=by) == "no_identity"
    there = next_of(lead.post(SEARCH, query()))
    answer = lead.post(there, {"password": NEW, "identities": [str(foreign.uid)]})
    assert answer.status_code == 404
    assert [entry.reason for entry in entries(Kind.NOT_FOUND)] == ["not_yours"]
    assert not is_member()


@pytest.mark.rule("AUZ-04")
def test_hidden_extra_fields_are_ignored(lead):
    there = next_of(lead.post(SEARCH, query()))
    extra = {"taxpayer": str(cast.taxpayer("MH").uid), "person": str(cast.person("周文博").uid), "version": "9"}
    lead.post(there, choice("查询员", **extra, bound_at="2026-01-01", valid_until="2020-01-01"))
    member = cast.membership("HC", NAME)
    assert (member.version, member.bound_at, member.valid_until) == (1, None, None)
    assert not Membership.objects.filter(person=cast.person("周文博")).exists()
    assert not Membership.objects.filter(person=cast.person(NAME), taxpayer=cast.taxpayer("MH")).exists()


@pytest.mark.rule("STF-01", "STF-02")
def test_sent_twice_adds_once_tells_once_and_records_once(lead, by):
    found = adding.find(**query(), by=by)
    there = next_of(lead.post(SEARCH, query()))
    assert lead.post(there, choice("查询员")).url == LIST
    assert lead.post(there, choice("全量办税", password="Anders-2026-neu")).url == LIST
    add = {"password": NEW, "identities": [identity()], "is_manager": False}
    assert refusal(adding.add, found, **add, by=by) == "already_added"
    assert Membership.objects.filter(person=cast.person(NAME)).count() == 1
    assert [each.name for each in cast.membership("HC", NAME).identities.all()] == ["查询员"]
    assert passwords.check(cast.membership("HC", NAME).credential, NEW)
    assert len(entries(Kind.MEMBER_ADDED, result="done")) == len(lead.texts_to(PHONE)) == 1


@pytest.mark.rule("STF-06", "M57")
def test_a_removed_clerk_is_found_and_added_again(lead, by):
    member = cast.membership("HC", "孙雅静")
    acts.remove(member, version=1, by=by)
    there = next_of(lead.post(SEARCH, query("孙雅静", cast.ID_NUMBERS["孙雅静"])))
    assert lead.post(there, choice("查询员")).url == LIST
    assert cast.membership("HC", "孙雅静").pk != member.pk


@pytest.mark.rule("PW-12", "LOG-05")
def test_the_password_appears_on_no_page_and_in_no_entry(lead):
    there = next_of(lead.post(SEARCH, query()))
    secret = "Kanarienvogel-77"
    refused = lead.post(there, choice(password=secret))
    assert secret not in refused.content.decode()
    lead.post(there, choice("查询员", password=secret))
    assert secret not in lead.get(LIST).content.decode()
    for entry in entries(Kind.MEMBER_ADDED):
        assert secret not in str(entry.details)
    assert not any(secret in text for text in lead.texts_to(PHONE))


@pytest.mark.rule("D6", "M101", "M36")
def test_once_added_with_an_identity_the_clerk_may_be_chosen_at_the_ordinary_door(lead, other_visitor):
    other_visitor.give_enterprise_password("HC")
    assert "尚未添加为本企业的办税人员" in words(other_visitor.choose(NAME))
    lead.post(next_of(lead.post(SEARCH, query())), choice("查询员"))
    assert other_visitor.choose(NAME).status_code == 302


# What a manager can't give, and who can (D8).


@pytest.mark.rule("D8", "M31")
def test_a_manager_is_not_offered_what_he_cannot_give_and_told_who_can(manager):
    page = manager.get(next_of(manager.post(SEARCH, query())))
    html = page.content.decode()
    boxes = dict(re.findall(r'name="identities"\s+value="([^"]+)"([^>]*)>', html))
    closed = {uid for uid, more in boxes.items() if "disabled" in more}
    assert closed == {str(identity(name).uid) for name in ("全量办税", "查询员")}
    assert "只能由法定代表人（业主）或财务负责人授予" in words(page)


@pytest.mark.rule("D8", "M31")
def test_whatever_a_manager_cannot_give_is_named_with_who_can(manager):
    there = next_of(manager.post(SEARCH, query()))
    answer = manager.post(there, choice("全量办税", "窄"))
    assert answer.status_code == 400
    assert "不能授予“全量办税”" in words(answer)
    assert "由法定代表人（业主）、财务负责人添加" in words(answer)
    assert not is_member()


@pytest.mark.rule("D8", "M31")
def test_a_lead_is_offered_every_identity(lead):
    page = lead.get(next_of(lead.post(SEARCH, query())))
    assert "disabled" not in page.content.decode().split('name="identities"', 1)[1].split("</fieldset>")[0]


@pytest.mark.rule("D19", "M28")
def test_who_is_a_member_already_is_linked(lead):
    answer = lead.post(SEARCH, query("孙雅静", cast.ID_NUMBERS["孙雅静"]))
    assert "该人员已是本企业的办税人员。" in words(answer)
    assert f'href="{reverse("staff:member", args=[cast.membership("HC", "孙雅静").uid])}"' in answer.content.decode()


@pytest.mark.rule("D19", "M29", "M104")
def test_each_condition_that_can_be_mended_in_the_portal_has_its_link(lead, other_visitor):
    link = f'href="{reverse("staff:register_posts")}"'
    assert link in lead.post(SEARCH, query("查无此人")).content.decode()
    narrow = cast.taxpayer("HC").identities.create(name="窄")
    cast.membership("HC", "郑海涛").identities.set([narrow])
    other_visitor.sign_in_by_sms("HC", "郑海涛")
    assert link not in other_visitor.post(SEARCH, query("查无此人")).content.decode()


@pytest.mark.rule("M62", "M65", "D8")
@pytest.mark.parametrize(
    ("column", "when", "code"),
    [("frozen_at", timedelta(), "frozen"), ("valid_until", -timedelta(days=1), "expired")],
)
def test_a_manager_lifts_no_freeze_by_adding_anew_who_left_or_was_removed_frozen(by, column, when, code):
    member = cast.membership("HC", "孙雅静")
    Membership.objects.filter(pk=member.pk).update(
        **{column: max(member.added_at, timezone.now() + when), "removed_at": timezone.now()}
    )
    manager = actor("HC", "郑海涛")
    asked = query("孙雅静", cast.ID_NUMBERS["孙雅静"])
    assert refusal(adding.find, **asked, by=manager) == code
    assert entries(Kind.MEMBER_SEARCHED)[-1].reason == code
    found = standing.of_person(cast.person("孙雅静"), cast.taxpayer("HC"))
    more = {"password": NEW, "identities": [identity()], "is_manager": False}
    assert refusal(adding.add, found, **more, by=manager) == code
    assert not is_member("孙雅静")
    adding.add(adding.find(**asked, by=by), **more, by=by)
    assert is_member("孙雅静")


@pytest.mark.rule("M64")
def test_a_freeze_that_has_lifted_itself_keeps_nobody_from_being_added_anew(world):
    member, now = cast.membership("HC", "孙雅静"), timezone.now()
    Membership.objects.filter(pk=member.pk).update(
        frozen_at=now - timedelta(hours=2), frozen_until=now - timedelta(hours=1), removed_at=now
    )
    assert adding.find(**query("孙雅静", cast.ID_NUMBERS["孙雅静"]), by=actor("HC", "郑海涛"))
