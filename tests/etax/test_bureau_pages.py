"""The pages of the back office: finding, pre-conditions, acts, record, lists (M106, D27, D28, D33, AUZ-01)."""

import base64
import io
import os
import re
from html import unescape

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import passwords, throttles
from accounts.limits import PASSWORD
from accounts.models import AuditEntry, Person, Taxpayer, Throttle
from etax.bureau import lists
from etax.bureau.preconditions import State, report_on
from etax.bureau.site import bureau
from realname.models import MisuseCase, Post, RealNameRecord
from staff import enterprise, standing
from tests import cast
from tests.etax.officers import COUNTER, REVIEWER, sign_in
from tests.etax.tables import rows
from tests.realname.collecting import tell_who
from tests.staff.acting import entries, newcomer
from tests.visitor import words

SURE = {"confirmed": "True"}
LISTS = ("accounts_taxpayer", "accounts_person", "realname_post", "realname_realnamerecord", "accounts_auditentry")


def at(name: str, *args: object) -> str:
    return reverse(f"bureau:{name}", args=args)


def taxpayer_page(key: str) -> str:
    return at("taxpayer", cast.taxpayer(key).uid)


def post_of(key: str, name: str) -> Post:
    return Post.objects.get(taxpayer=cast.taxpayer(key), person=cast.person(name))


def mends(key: str, name: str) -> dict[str, str]:
    """The acts that mend what this person lacks, with their pages."""
    firm = cast.taxpayer(key)
    found = standing.of_person(cast.person(name), firm)
    report = report_on(found, first_is_due=standing.first_sign_in_is_due(firm))
    return {check.mend.label: check.mend.url for check in report.checks if check.mend}


def missing(key: str, name: str) -> list[str]:
    firm = cast.taxpayer(key)
    found = standing.of_person(cast.person(name), firm)
    report = report_on(found, first_is_due=standing.first_sign_in_is_due(firm))
    return [check.label for check in report.checks if check.state == State.MISSING]


@pytest.mark.rule("D28", "D33", "D29")
def test_a_taxpayer_and_a_person_are_found_by_the_whole_number_in_any_width_and_it_is_recorded(visitor):
    sign_in(visitor)
    code = cast.CODES["HC"].lower().translate({ord("0"): "０"})
    assert visitor.post(at("find_taxpayer"), {"code": code}).url == taxpayer_page("HC")
    data = {"id_type": "resident", "id_number": cast.ID_NUMBERS["孙雅静"]}
    assert visitor.post(at("find_person"), data).url == at("person", cast.person("孙雅静").uid)
    first, second = entries("officer_searched")
    assert (first.taxpayer, first.person) == (cast.taxpayer("HC"), cast.person(COUNTER))
    assert second.target == cast.person("孙雅静")
    assert "210202199207190029" not in str(second.details)


@pytest.mark.rule("D33", "LOG-01")
@pytest.mark.parametrize(
    ("page", "data", "text"),
    [
        ("find_taxpayer", {"code": "91210103MA0HC00241"}, "没有找到该纳税人识别号"),
        ("find_taxpayer", {"code": "9121"}, "由15至20位数字或字母组成"),
        ("find_person", {"id_type": "resident", "id_number": "210102199505050010"}, "没有找到该证件号码"),
        ("find_person", {"id_type": "resident", "id_number": "2101"}, "身份证件号码有误"),
        ("find_person", {"id_type": "passport", "id_number": "孙"}, "身份证件号码有误"),
    ],
)
def test_what_is_not_a_whole_number_finds_nobody_and_says_what_to_do(visitor, page, data, text):
    answer = sign_in(visitor).post(at(page), data)
    assert answer.status_code == 400
    assert text in words(answer)
    assert all(entry.reason == "nothing_found" for entry in entries("officer_searched"))


@pytest.mark.rule("M7", "M15", "M91", "M92", "M101", "M102")
@pytest.mark.parametrize(
    ("key", "name", "lacks", "mend"),
    [
        ("YF", "王晓敏", [], []),
        ("YF", "赵铁柱", ["手机号码"], ["移到【移动电话】"]),
        ("YF", "周文博", ["实名采集", "与企业关联", "手机号码", "首次登录", "企业人员维护"], ["前台采集", "关联"]),
        ("YF", "孙雅静", ["首次登录", "企业人员维护"], []),
        ("HC", "钱思远", [], []),
        ("HC", "黄志强", ["企业人员维护"], []),
        ("HC", "宋雨桐", ["企业人员维护"], []),
        ("HC", "董佳慧", ["税务登记"], ["新增任职"]),
        ("HC", "沈小燕", [], ["修改电话"]),
        ("BC", "吴秀兰", [], []),
    ],
)
def test_each_pre_condition_that_is_missing_is_named_with_the_act_that_mends_it(world, key, name, lacks, mend):
    assert missing(key, name) == lacks
    assert set(mends(key, name)) == set(mend)


@pytest.mark.rule("D13", "D22", "D10")
def test_locks_reset_state_and_printed_password_are_pre_conditions_as_well(visitor):
    clerk, lead = cast.membership("HC", "孙雅静"), cast.membership("HC", "林若兰")
    for _n in range(5):
        throttles.fail(PASSWORD, f"member:{clerk.taxpayer.uid}:{clerk.person.uid}")
        throttles.fail(PASSWORD, enterprise.account_word(cast.CODES["HC"]))
    assert mends("HC", "孙雅静") == {"解除锁定": at("unlock_person", clerk.person.uid)}
    firm = cast.taxpayer("HC")
    passwords.store(firm.credential, passwords.hash_new("Anderes-Wetter-8"), must_change=True)
    assert missing("HC", "郑海涛") == ["首次登录"]
    passwords.reset(lead.credential)
    page = words(sign_in(visitor).get(taxpayer_page("HC")))
    assert "已重置为111111" in page
    assert "凭证上的初始密码，须由" not in page  # the lock is what stands there while it lasts
    assert "连续输错，10分钟后自动解除" in page


@pytest.mark.rule("D27", "AUZ-08")
def test_names_and_numbers_are_masked_until_they_are_asked_for_which_is_recorded(visitor):
    sign_in(visitor)
    person = cast.person("赵铁柱")
    full = ("赵铁柱", "210106198811090038", "19900000002")
    for where in (at("person", person.uid), taxpayer_page("YF"), *(at(f"{name}_changelist") for name in LISTS)):
        page = visitor.get(where).content.decode()
        assert not [text for text in full if text in page], where
    assert not entries("number_shown")
    page = words(visitor.post(at("show", person.uid)))
    assert [text for text in full if text in page] == list(full)
    assert entries("number_shown")[0].target == person
    assert visitor.get(at("show", person.uid)).status_code == 405


@pytest.mark.rule("M92", "M106")
def test_moving_the_number_on_the_page_lets_the_finance_officer_sign_in(visitor, other_visitor):
    sign_in(visitor)
    where = mends("YF", "赵铁柱")["移到【移动电话】"]
    assert "确认后，号码移到【移动电话】项目内" in words(visitor.get(where))
    assert visitor.post(where, SURE).url == taxpayer_page("YF")
    assert "已移到【移动电话】" in words(visitor.get(taxpayer_page("YF")))
    assert "不是手机号码，无需移动" in words(visitor.post(where, SURE))
    other_visitor.go_to_verify("YF", "赵铁柱")
    assert other_visitor.verify_by_sms("19900000002").url == reverse("staff:set_password")


@pytest.mark.rule("M83", "OTP-10", "D28")
def test_an_officers_own_phone_is_refused_on_the_page_and_on_record(visitor):
    sign_in(visitor)
    data = {"name": "周文博", "id_type": "resident", "id_number": cast.ID_NUMBERS["周文博"]}
    seen = {"saw_document": "on", "saw_face": "on", "consent": "on"}
    Throttle.objects.filter(key__startswith="code_gap").delete()
    visitor.post(at("collect"), {**data, **seen, "phone": cast.PHONES[COUNTER]})
    answer = visitor.post(at("collect_code"), {"code": visitor.code_on(cast.PHONES[COUNTER])})
    assert answer.status_code == 400
    assert "不能办理与本人有关的业务" in words(answer)
    (entry,) = entries("real_name_collected")
    assert (entry.reason, entry.target) == ("own_affair", cast.person("周文博"))


@pytest.mark.rule("D14", "M83", "OTP-06")
def test_no_stranger_can_use_up_the_codes_of_the_counter_and_a_wait_is_told(visitor, other_visitor):
    phone = "19900000004"
    asked = tell_who(other_visitor, phone=phone)
    assert asked.url == reverse("realname:collect_code")
    sign_in(visitor)
    who = {"name": "周文博", "id_type": "resident", "id_number": cast.ID_NUMBERS["周文博"], "phone": phone}
    seen = {"saw_document": "on", "saw_face": "on", "consent": "on"}
    before = len(visitor.texts_to(phone))
    page = words(visitor.post(at("collect"), {**who, **seen}, follow=True))
    assert "请本人报出收到的6位数字" in page
    assert len(visitor.texts_to(phone)) == before + 1
    again = words(visitor.post(at("send_collect_code"), follow=True))
    assert "秒后重新获取" in again
    assert len(visitor.texts_to(phone)) == before + 1


@pytest.mark.rule("F25", "F26", "D27")
def test_a_key_that_was_taken_away_on_the_way_begins_the_collection_anew(visitor, settings):
    sign_in(visitor)
    who = {"name": "周文博", "id_type": "resident", "id_number": cast.ID_NUMBERS["周文博"], "phone": "19900000004"}
    seen = {"saw_document": "on", "saw_face": "on", "consent": "on"}
    visitor.post(at("collect"), {**who, **seen})
    call_command("rotate_keys", stdout=io.StringIO())
    key = base64.b64encode(os.urandom(32)).decode()
    settings.SEALING_KEYS = [f"fresh:{key}", *settings.SEALING_KEYS]
    call_command("rotate_keys", stdout=io.StringIO())
    settings.SEALING_KEYS = settings.SEALING_KEYS[:1]
    answer = visitor.post(at("collect_code"), {"code": "000000"})
    assert answer.url == at("collect")
    assert "采集已超过10分钟或尚未开始" in words(visitor.get(answer.url))


@pytest.mark.rule("M15", "M83", "M106", "D18")
def test_collecting_and_linking_on_the_pages(visitor):
    sign_in(visitor)
    data = {"name": "周文博", "id_type": "resident", "id_number": cast.ID_NUMBERS["周文博"], "phone": "19900000004"}
    incomplete = visitor.post(at("collect"), data)
    assert incomplete.status_code == 400
    assert "本人签署同意书后才能采集" in words(incomplete)
    seen = {"saw_document": "on", "saw_face": "on", "consent": "on"}
    assert visitor.post(at("collect"), {**data, **seen}).url == at("collect_code")
    page = words(visitor.get(at("collect_code")))
    assert "199****0004" in page
    assert "实名采集" in visitor.texts_to("19900000004")[-1]
    assert visitor.post(at("collect_code"), {"code": "000000"}).status_code == 400
    assert not cast.person("周文博").real_name_records.exists()
    answer = visitor.post(at("collect_code"), {"code": visitor.code_on("19900000004")}, follow=True)
    assert "实名信息已采集" in words(answer)
    assert visitor.get(at("collect_code")).url == at("collect")
    assert visitor.post(at("link", post_of("YF", "周文博").pk), SURE).url == taxpayer_page("YF")
    assert missing("YF", "周文博") == ["首次登录", "企业人员维护"]


@pytest.mark.rule("D31", "M104")
def test_posts_are_added_changed_and_ended_on_the_pages(visitor):
    sign_in(visitor)
    firm = cast.taxpayer("HC")
    data = {"name": "新来人", "id_type": "resident", "id_number": "210102199505050010", "position": "legal_rep"}
    data |= {"mobile": "19900000077", "landline": "024-12345678", "since": "2026-01-05"}
    taken = visitor.post(at("add_post", firm.uid), data)
    assert taken.status_code == 400
    assert "请先终止原任职，再登记新人员" in words(taken)
    assert visitor.post(at("add_post", firm.uid), {**data, "position": "clerk"}).url == taxpayer_page("HC")
    post = Post.objects.get(taxpayer=firm, person__name="新来人")
    assert (post.mobile, post.landline) == ("19900000077", "02412345678")
    assert visitor.post(at("change_phones", post.pk), {"mobile": "19900000078"}).status_code == 302
    assert "没有需要修改的内容" in words(visitor.post(at("change_phones", post.pk), {}))
    assert visitor.post(at("end_post", post.pk), {"until": timezone.localdate().isoformat()}).status_code == 302
    assert not Post.objects.open().filter(pk=post.pk).exists()
    assert visitor.get(at("link", 0)).status_code == 404


@pytest.mark.rule("D13")
def test_locks_are_opened_on_the_pages(visitor):
    sign_in(visitor)
    for _n in range(5):
        throttles.fail(PASSWORD, enterprise.account_word(cast.CODES["HC"]))
    firm, person = cast.taxpayer("HC"), cast.person("孙雅静")
    assert at("unlock_taxpayer", firm.uid) in visitor.get(taxpayer_page("HC")).content.decode()
    assert visitor.post(at("unlock_taxpayer", firm.uid), SURE).url == taxpayer_page("HC")
    assert at("unlock_taxpayer", firm.uid) not in visitor.get(taxpayer_page("HC")).content.decode()
    assert visitor.post(at("unlock_person", person.uid), SURE).url == at("person", person.uid)


@pytest.mark.rule("D28")
def test_the_record_of_a_taxpayer_and_of_a_person_is_read_filtered_and_the_look_is_recorded(visitor):
    other = visitor
    other.sign_in_by_password("HC", "孙雅静")
    sign_in(visitor)
    page = words(visitor.get(at("taxpayer_record", cast.taxpayer("HC").uid)))
    assert "输入企业密码" in page
    page = words(visitor.get(at("person_record", cast.person("孙雅静").uid), {"kind": "personal_password"}))
    assert "输入个人登录密码" in page
    assert visitor.get(at("person_record", cast.person("孙雅静").uid), {"kind": "nothing"}).status_code == 400
    seen = entries("record_seen")
    assert (seen[0].taxpayer, seen[1].target) == (cast.taxpayer("HC"), cast.person("孙雅静"))
    assert visitor.get(at("person_record", cast.person("孙雅静").uid), {"before": "x"}).status_code == 404


@pytest.mark.rule("D22", "M106", "AUZ-01")
def test_a_reviewer_looks_but_does_nothing_and_is_told_why(visitor):
    sign_in(visitor, REVIEWER)
    firm, post, person = cast.taxpayer("YF"), post_of("YF", "周文博"), cast.person("周文博")
    for where in (taxpayer_page("YF"), at("person", person.uid), at("taxpayer_record", firm.uid)):
        page = visitor.get(where)
        assert page.status_code == 200
        assert not re.search(
            r'href="/bureau/[^"]*/(reset|open|add|link|phones|move|end|unlock|collect)/', page.content.decode()
        )
    before = rows()
    acts = [at(name, firm.uid) for name in ("reset_password", "open_account", "unlock_taxpayer", "add_post")]
    acts += [at(name, post.pk) for name in ("link", "change_phones", "move_landline", "end_post")]
    acts += [at("unlock_person", person.uid), at("open_new_account"), at("collect"), at("collect_code")]
    for where in acts:
        for answer in (visitor.get(where), visitor.post(where, {"any": "thing"})):
            assert answer.status_code == 403, where
            assert "只有前台人员可以进行此操作" in words(answer)
    assert rows() == before


@pytest.mark.rule("D33")
@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_looked_at_and_nothing_more(visitor, name):
    sign_in(visitor)
    where = at(f"{name}_changelist")
    page = visitor.get(where)
    assert page.status_code == 200
    assert len(re.findall(r"<h1", page.content.decode())) == 1
    assert visitor.post(where, {"action": "delete_selected", "_selected_action": "1"}).status_code == 405
    for more in ("add/", "1/change/", "1/delete/", "1/history/", "1/"):
        assert visitor.get(where + more).status_code == 404


@pytest.mark.rule("D33")
@pytest.mark.parametrize(
    ("name", "term", "found", "other"),
    [
        ("accounts_taxpayer", cast.CODES["HC"], "沈阳海川贸易有限公司", "沈阳云帆科技有限公司"),
        ("accounts_taxpayer", "沈阳云帆科技有限公司", "沈阳云帆科技有限公司", "沈阳海川贸易有限公司"),
        ("accounts_person", "孙雅静", "孙*静", "钱*远"),
        ("realname_post", cast.CODES["YF"], "沈阳云帆科技有限公司", "沈阳海川贸易有限公司"),
        ("realname_post", "孙雅静", "孙*静", "钱*远"),
        ("realname_realnamerecord", "孙雅静", "孙*静", "钱*远"),
    ],
)
def test_a_list_is_searched_by_the_whole_and_never_by_a_part(visitor, name, term, found, other):
    sign_in(visitor)
    where = at(f"{name}_changelist")
    page = words(visitor.get(where, {"q": term}))
    assert found in page
    assert other not in page
    assert "没有找到" in words(visitor.get(where, {"q": term[:-1]}))
    assert [entry.details["list"] for entry in entries("officer_searched")] == [name.split("_")[1]] * 2
    assert term not in str([entry.details for entry in entries("officer_searched")])


@pytest.mark.rule("D28", "D33", "CFG-06")
def test_the_record_is_searched_by_a_requests_number_and_by_a_firms(visitor, other_visitor):
    """The number that an error page tells is found by an index."""
    answer = other_visitor.sign_in_by_password("HC", "孙雅静")
    sign_in(visitor)
    where = at("accounts_auditentry_changelist")
    number = answer.headers["X-Request-ID"]
    page = words(visitor.get(where, {"q": number.upper()}))
    assert "孙*静" in page
    assert "沈阳海川贸易有限公司" in page
    found = AuditEntry.objects.filter(request_id=number).count()
    assert 0 < found < AuditEntry.objects.count()
    assert page.count("沈阳海川贸易有限公司") == found
    assert "沈阳海川贸易有限公司" in words(visitor.get(where, {"q": cast.CODES["HC"]}))
    assert "没有找到" in words(visitor.get(where, {"q": "f" * 32}))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="of few rows PostgreSQL rather reads all")
@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("model", "admin", "term"),
    [
        (AuditEntry, lists.EntryList, "0" * 32),
        (AuditEntry, lists.EntryList, cast.CODES["HC"]),
        (Post, lists.PostList, cast.CODES["HC"]),
        (Post, lists.PostList, "孙雅静"),
        (Taxpayer, lists.TaxpayerList, cast.CODES["HC"]),
        (Person, lists.PersonList, "孙雅静"),
        (RealNameRecord, lists.RealNameList, "孙雅静"),
    ],
)
def test_no_search_of_the_counter_reads_a_whole_table(model, admin, term):
    plan = admin(model, bureau).exactly(model.objects.all(), term).explain()
    assert "SCAN" not in plan


@pytest.mark.rule("VAL-03", "VAL-04")
@pytest.mark.parametrize(
    ("query", "status"),
    [("q=%00", 400), ("q=a&q=b", 400), ("q=%ED%A0%80", 200), ("p=9&e=1&x=1", 200), ("id__gt=0&_popup=1&all=", 200)],
)
def test_a_list_bears_whatever_stands_in_its_address(visitor, query, status):
    sign_in(visitor)
    for name in LISTS:
        assert visitor.get(f"{at(f'{name}_changelist')}?{query}").status_code == status, name


@pytest.mark.rule("D33")
def test_a_long_list_is_paged_by_key_and_neither_counted_nor_skipped(visitor):
    for number in range(70):
        newcomer(cast.taxpayer("HC"), number, member=False)
    sign_in(visitor)
    where = at("accounts_person_changelist")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        first = visitor.get(where)
    said = " ".join(query["sql"].upper() for query in queries)
    assert "COUNT(" not in said
    assert "OFFSET" not in said
    shown, page = 0, first
    for _n in range(10):
        shown += page.content.decode().count('<th scope="row"')
        older = re.search(r'rel="next" href="([^"]+)"', page.content.decode())
        if not older:
            break
        page = visitor.get(where + older[1])
    assert shown == Person.objects.count()


@pytest.mark.rule("D33")
def test_a_firm_of_many_people_is_shown_page_by_page(visitor):
    for number in range(45):
        newcomer(cast.taxpayer("HC"), number)
    sign_in(visitor)
    seen, where = set(), taxpayer_page("HC")
    while where:
        page = visitor.get(where).content.decode()
        seen |= set(re.findall(r"/bureau/person/([0-9a-f-]{36})/\"", page))
        older = re.search(r'rel="next" href="([^"]+)"', page)
        where = taxpayer_page("HC") + older[1] if older else ""
    assert len(seen) == len(standing.of_all(cast.taxpayer("HC")))


_HREF = re.compile(r'(?:href|data-url|src)="([^"#]*)')


@pytest.mark.rule("SES-08")
def test_looking_around_and_following_every_link_changes_nothing(visitor):
    sign_in(visitor)
    to_see, seen, before = [at("index"), taxpayer_page("YF"), taxpayer_page("HC")], set(), rows()
    while to_see:
        where = to_see.pop()
        if where in seen or not where.startswith("/bureau/") or len(seen) > 150:
            continue
        seen.add(where)
        answer = visitor.get(where)
        assert answer.status_code in (200, 302), where
        to_see += [unescape(found) for found in _HREF.findall(answer.content.decode())]
    assert len(seen) > 50
    assert rows() == before


@pytest.mark.rule("D22", "D35", "AUZ-01")
def test_a_reviewer_decides_what_was_reported_and_the_counter_may_not(visitor, other_visitor):
    firm, person = cast.taxpayer("HC"), cast.person("何晨曦")
    case = MisuseCase.objects.create(taxpayer=firm, person=person, statement="我没有在这里工作。")
    where = at("decide_misuse", case.uid)
    sign_in(visitor)
    for answer in (visitor.get(at("waiting_misuse")), visitor.get(where), visitor.post(where, {"upheld": "upheld"})):
        assert answer.status_code == 403
        assert "只有审核人员可以审核，前台人员不能审核" in words(answer)
    assert "待审核" not in words(visitor.get(at("index")))
    assert "非本人任职" in missing("HC", "何晨曦")
    sign_in(other_visitor, REVIEWER)
    assert "沈阳海川贸易有限公司" in words(other_visitor.get(at("waiting_misuse")))
    assert "我没有在这里工作" in words(other_visitor.get(where))
    assert "请填写核实意见" in words(other_visitor.post(where, {"upheld": "upheld"}))
    assert other_visitor.post(where, {"upheld": "upheld", "reason": "企业承认冒用"}).url == at("waiting_misuse")
    assert "没有待审核的事项" in words(other_visitor.get(at("waiting_misuse")))
    case.refresh_from_db()
    assert (case.outcome, case.decided_by) == ("upheld", cast.person(REVIEWER))
    assert not Post.objects.open().filter(taxpayer=firm, person=person).exists()
    assert "该申报已经办结" in words(other_visitor.post(where, {"upheld": "rejected", "reason": "又"}))
    assert [entry.reason for entry in entries("misuse_decided")] == ["", "already_decided"]


_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)


def title_of(visitor, address: str) -> str:
    """The page's title, blanks squeezed."""
    return " ".join(unescape(_TITLE.search(visitor.get(address).content.decode())[1]).split())


@pytest.mark.rule("M106")
def test_every_title_says_what_and_about_whom_and_that_it_is_the_back_office(visitor):
    sign_in(visitor)
    firm, person = cast.taxpayer("HC"), cast.person("钱思远")
    office = "· 税务人员后台 · 辽宁省电子税务局"
    assert title_of(visitor, at("index")) == f"查找 {office}"
    assert title_of(visitor, at("taxpayer", firm.uid)) == f"沈阳海川贸易有限公司 {office}"
    assert title_of(visitor, at("taxpayer_record", firm.uid)) == f"日志 · 沈阳海川贸易有限公司 {office}"
    assert title_of(visitor, at("person", person.uid)) == f"钱*远 {office}"
    assert title_of(visitor, at("reset_password", firm.uid)) == f"重置企业密码 {office}"
    assert title_of(visitor, at("accounts_person_changelist")) == f"自然人 {office}"
    sign_in(visitor, REVIEWER)
    assert title_of(visitor, at("waiting_misuse")) == f"待审核 · 非本人任职 {office}"


@pytest.mark.rule("D20")
def test_a_post_without_an_end_goes_on_until_now(visitor):
    sign_in(visitor)
    assert "2021-03-15 — 至今" in words(visitor.get(at("person", cast.person("沈小燕").uid)))
    assert "2021-03-15 — 至今" in words(visitor.get(at("realname_post_changelist")))


@pytest.mark.rule("SES-06", "CFG-05")
def test_an_officer_in_a_new_browser_is_told_of_the_back_office(visitor, other_visitor):
    sign_in(other_visitor)
    sign_in(visitor)
    assert "在新的浏览器登录税务人员后台" in visitor.texts_to(cast.PHONES[COUNTER])[-1]


@pytest.mark.rule("SES-07", "CFG-05")
def test_an_officers_own_sign_ins_are_an_officers_and_lead_back_to_the_office(visitor):
    sign_in(visitor)
    page = visitor.get(reverse("accounts:sign_ins"))
    assert "税务人员密码+短信验证码" in words(page)
    assert "自然人" not in words(page)
    assert "返回税务人员后台" in words(page)


@pytest.mark.parametrize("name", ["accounts_taxpayer", "realname_post", "accounts_auditentry"])
def test_long_names_and_words_of_a_list_may_be_broken_and_numbers_may_not(visitor, name):
    sign_in(visitor)
    firm = cast.taxpayer("HC")
    visitor.get(at("taxpayer_record", firm.uid))  # an entry about the firm
    page = visitor.get(at(f"{name}_changelist")).content.decode()
    kept = [
        " ".join(re.sub("<[^>]+>", "", cell).split())
        for cell in re.findall(r'class="figures">(.*?)</t[hd]>', page, re.DOTALL)
    ]
    assert kept
    assert all(any(sign.isdigit() for sign in cell) for cell in kept)
    assert firm.name in page
    assert firm.name not in kept


@pytest.mark.rule("M106", "D16")
def test_of_a_firm_whose_account_is_closed_the_counter_says_so_and_that_nobody_can_sign_in(visitor):
    Taxpayer.objects.filter(code=cast.CODES["HC"]).update(cancelled_at=timezone.now())
    sign_in(visitor)
    page = words(visitor.get(taxpayer_page("HC")))
    assert "已注销：须重新在前台授权开户，才能登录。" in page
    assert "尚未开户" not in page
    found = standing.of_person(cast.person("孙雅静"), cast.taxpayer("HC"))
    assert not report_on(found, first_is_due=False).can_sign_in
