"""变更税务登记: what a firm may ask for, what an officer's word does to the register (M137 to M145, D25)."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import limits
from accounts.audit import Kind
from accounts.models import Person
from accounts.models.signins import Proof
from realname import change_rows, changes
from realname.change_rows import Details, Row
from realname.models import ChangeKind, ChangeOutcome, ChangeRequest, ChangeScan, ChangeState, Position, Post
from staff import functions, standing
from tests import cast
from tests.realname.asking import CHANGED, NEWCOMER, SONG, ask_for_finance, officer, open_post, picture
from tests.staff.acting import actor, entries, refusal

pytestmark = pytest.mark.usefixtures("world")


def caught(service, *args, **kwargs) -> ValidationError:
    with pytest.raises(ValidationError) as error:
        service(*args, **kwargs)
    return error.value


@pytest.fixture
def lead(world):
    return actor("HC", "钱思远")


# --- The rows of 财务负责人变更 ---------------------------------------------------------------------------------------


@pytest.mark.rule("M139", "M140")
def test_rows_left_the_same_are_refused_by_name(lead):
    error = caught(changes.submit_finance, SONG, list(Row), picture(), by=lead)
    assert error.code == "unchanged_rows"
    assert "以下各行变更前后相同：身份证件种类、固定电话、电子邮箱。请删除这些行后再保存。" in error.messages
    assert error.params["rows"] == [Row.ID_TYPE, Row.LANDLINE, Row.EMAIL]
    assert not ChangeRequest.objects.exists()


@pytest.mark.rule("M140", "M141", "D25")
def test_without_those_three_rows_it_is_taken(lead):
    request = ask_for_finance(lead)
    assert (request.state, request.kind, request.post) == (
        ChangeState.PENDING,
        ChangeKind.FINANCE_CHANGED,
        open_post("HC", "林若兰"),
    )
    assert (request.name, request.id_type, request.mobile) == ("宋雨桐", "resident", "19900000012")
    [entry] = entries(Kind.CHANGE_SUBMITTED)
    assert (entry.person, entry.taxpayer) == (cast.person("钱思远"), cast.taxpayer("HC"))


@pytest.mark.rule("M144")
@pytest.mark.parametrize("left_out", [Row.NAME, Row.ID_NUMBER, Row.MOBILE])
def test_name_document_and_mobile_change_together_or_not_at_all(lead, left_out):
    error = caught(changes.submit_finance, SONG, CHANGED - {left_out}, picture(), by=lead)
    assert error.code == "must_change_together"
    assert error.messages == [
        f"财务负责人姓名、身份证件种类、身份证件号码、移动电话必须同时变更，还缺少：{left_out.label}。"
    ]


@pytest.mark.rule("M144")
def test_the_same_number_under_another_name_is_half_a_change(lead):
    same = Details("宋雨桐", "resident", cast.ID_NUMBERS["林若兰"], "19900000012")
    assert refusal(changes.submit_finance, same, CHANGED, picture(), by=lead) == "must_change_together"


@pytest.mark.rule("M144")
def test_another_kind_of_document_is_one_of_the_rows_that_change(lead):
    passport = Details("SMITH JOHN", "passport", "E12345678", "19900000077")
    request = changes.submit_finance(passport, CHANGED | {Row.ID_TYPE}, picture(), by=lead)
    assert request.id_type == "passport"


@pytest.mark.rule("M144")
def test_where_there_is_no_finance_officer_all_four_are_needed(lead):
    Post.objects.filter(pk=open_post("HC", "林若兰").pk).update(until=timezone.localdate())
    error = caught(changes.submit_finance, SONG, CHANGED, picture(), by=lead)
    assert (error.code, "还缺少：身份证件种类。" in error.messages[0]) == ("must_change_together", True)
    assert changes.submit_finance(SONG, CHANGED | {Row.ID_TYPE}, picture(), by=lead).post is None


@pytest.mark.rule("M145", "M146")
@pytest.mark.parametrize("rows", [{Row.MOBILE}, {Row.MOBILE, Row.LANDLINE}, set(Row)])
def test_a_mere_change_of_phone_is_sent_to_the_personal_information(lead, rows):
    phone = Details(id_type="resident", mobile="19900000078")
    error = caught(changes.submit_finance, phone, rows, picture(), by=lead)
    assert error.code == "phone_only"
    assert "请通过个人信息维护变更：【我的账户】-【个人信息】" in error.messages[0]


@pytest.mark.rule("M140")
def test_a_row_that_was_left_empty_says_nothing_new():
    before = Details(landline="02412345678", email="")
    assert change_rows.unchanged(before, Details(), list(Row)) == [Row.LANDLINE, Row.EMAIL]


@pytest.mark.rule("M141", "D25")
def test_without_the_stamped_copy_it_is_not_taken(lead):
    error = caught(changes.submit_finance, SONG, CHANGED, b"", by=lead)
    assert error.code == "scan_missing"
    assert error.messages == ["必须上传变更后的财务负责人身份证复印件（加盖公章），否则无法审批通过。"]


@pytest.mark.rule("VAL-01")
@pytest.mark.parametrize(("number", "mobile", "code"), [("1", "19900000012", "id_number"), ("", "1", "mobile")])
def test_numbers_are_judged(lead, number, mobile, code):
    after = Details("宋雨桐", "resident", number or SONG.id_number, mobile)
    assert refusal(changes.submit_finance, after, CHANGED, picture(), by=lead) == code


# --- Who may ask ------------------------------------------------------------------------------------------------------


@pytest.mark.rule("M137", "D7", "D25")
def test_who_does_not_hold_the_function_is_refused_and_recorded():
    with pytest.raises(PermissionDenied):
        ask_for_finance(actor("HC", "何晨曦"))
    [entry] = entries(Kind.ACT_REFUSED)
    assert (entry.reason, entry.details) == ("not_held", {"function": changes.FUNCTION})


@pytest.mark.rule("M137")
def test_a_clerk_who_holds_it_may_ask():
    assert ask_for_finance(actor("HC", "孙雅静")).submitted_by == cast.person("孙雅静")


@pytest.mark.rule("D15", "STF-07")
def test_a_weak_sign_in_needs_a_code_first():
    weak = actor("HC", "钱思远", proof=Proof.ENTERPRISE_PASSWORD)
    assert refusal(ask_for_finance, weak) == "code_needed"


@pytest.mark.rule("D23")
def test_it_is_never_lent_to_an_agency():
    assert changes.FUNCTION in functions.ALL
    assert changes.FUNCTION not in functions.LENDABLE


@pytest.mark.rule("FIL-05")
def test_ten_scans_a_day(lead, monkeypatch):
    for _each in range(limits.SCANS.count):
        assert refusal(changes.submit_finance, SONG, CHANGED, b"no picture", by=lead) == "scan_format"
    error = caught(ask_for_finance, lead)
    assert (error.code, error.messages[0][:10]) == ("too_many_scans", "今天上传的文件过多，")


# --- 办税人员信息 -----------------------------------------------------------------------------------------------------


@pytest.mark.rule("M104", "D25")
def test_a_clerk_who_is_in_no_register_is_added_on_approval(lead):
    request = changes.submit_clerk(NEWCOMER, by=lead)
    assert not Person.objects.by_id_number("resident", NEWCOMER.id_number).exists()
    changes.approve(request, by=officer())
    person = Person.objects.by_id_number("resident", NEWCOMER.id_number).get()
    post = Post.objects.get(person=person)
    assert (post.taxpayer, post.position, post.mobile) == (cast.taxpayer("HC"), Position.CLERK, NEWCOMER.mobile)
    assert (post.since, post.until, post.linked_at) == (timezone.localdate(), None, None)
    assert (person.name, person.phone) == ("韩梅梅", "")


@pytest.mark.rule("M104")
def test_who_is_a_clerk_already_is_not_added_again(lead):
    assert refusal(changes.submit_clerk, SONG, by=lead) == "already_registered"


@pytest.mark.rule("D19")
def test_the_firm_does_not_learn_that_a_number_has_another_name_but_the_officer_does(lead):
    wrong = Details("宋某某", "resident", SONG.id_number, SONG.mobile)
    request = changes.submit_clerk(wrong, by=lead)
    error = caught(changes.approve, request, by=officer())
    assert error.code == "name_differs"
    assert "姓名与申请中的不一致" in error.messages[0]
    request.refresh_from_db()
    assert request.state == ChangeState.PENDING


@pytest.mark.rule("D25", "D20")
def test_an_ended_clerk_is_out_from_the_day_of_the_approval(lead):
    request = changes.submit_end(open_post("HC", "孙雅静"), by=lead)
    assert standing.of_person(cast.person("孙雅静"), cast.taxpayer("HC")).problem is None
    changes.approve(request, by=officer())
    assert standing.of_person(cast.person("孙雅静"), cast.taxpayer("HC")).problem is standing.NOT_IN_REGISTER
    assert cast.membership("HC", "孙雅静").removed_at is None


@pytest.mark.rule("D25")
def test_who_was_ended_today_can_be_added_again_today_and_confirms_anew(lead):
    changes.approve(changes.submit_end(open_post("HC", "孙雅静"), by=lead), by=officer())
    back = Details("孙雅静", "resident", cast.ID_NUMBERS["孙雅静"], "19900000003")
    changes.approve(changes.submit_clerk(back, by=lead), by=officer())
    post = open_post("HC", "孙雅静")
    assert (post.since, post.linked_at) == (timezone.localdate(), None)
    changes.approve(changes.submit_end(post, by=lead), by=officer())
    changes.approve(changes.submit_clerk(back, by=lead), by=officer())
    assert open_post("HC", "孙雅静").pk == post.pk


@pytest.mark.rule("D25", "D9")
def test_only_clerks_are_ended_here(lead):
    assert refusal(changes.submit_end, open_post("HC", "林若兰"), by=lead) == "not_a_clerk"


@pytest.mark.rule("AUZ-02")
def test_another_firms_post_is_not_ended(lead):
    with pytest.raises(PermissionDenied):
        changes.submit_end(open_post("YF", "孙雅静"), by=lead)


@pytest.mark.rule("M92")
def test_a_mobile_number_is_moved_out_of_the_landline(lead):
    yf = actor("YF", "王晓敏")
    post = open_post("YF", "赵铁柱")
    assert post.landline_is_mobile
    assert refusal(changes.submit_phones, post, mobile="19900000002", landline="19900000002", by=yf) == (
        "mobile_in_landline"
    )
    changes.approve(changes.submit_phones(post, mobile="19900000002", landline="", by=yf), by=officer())
    post.refresh_from_db()
    assert (post.mobile, post.landline, post.landline_is_mobile) == ("19900000002", "", False)


@pytest.mark.rule("M91")
def test_phones_that_stay_the_same_are_no_change(lead):
    post = open_post("HC", "孙雅静")
    assert refusal(changes.submit_phones, post, mobile=post.mobile, landline="", by=lead) == "phones_unchanged"


# --- Withdrawing and deciding -----------------------------------------------------------------------------------------


@pytest.mark.rule("M143")
def test_a_returned_request_stands_in_the_way_until_it_is_withdrawn(lead):
    request = ask_for_finance(lead)
    assert refusal(ask_for_finance, lead) == "request_open"
    changes.return_(request, str(changes.NO_DOCUMENT), by=officer())
    error = caught(ask_for_finance, lead)
    assert error.messages == ["同一事项已有一份申请待审核或已退回，请先撤消原申请，再重新提交。"]
    changes.withdraw(request, by=lead)
    assert ask_for_finance(lead).state == ChangeState.PENDING
    request.refresh_from_db()
    assert (request.state, request.outcome, request.reason) == (
        ChangeState.WITHDRAWN,
        ChangeOutcome.RETURNED,
        "需上传变更后的财务负责人身份证信息.",
    )


@pytest.mark.rule("M143", "FIL-06")
def test_withdrawing_deletes_the_scan(lead):
    request = ask_for_finance(lead)
    assert ChangeScan.objects.filter(request=request).count() == 1
    changes.withdraw(request, by=lead)
    assert not ChangeScan.objects.exists()
    assert refusal(changes.withdraw, request, by=lead) == "request_settled"


@pytest.mark.rule("AUZ-02")
def test_another_firm_withdraws_nothing(lead):
    request = ask_for_finance(lead)
    with pytest.raises(PermissionDenied):
        changes.withdraw(request, by=actor("MH", "徐明湖"))


@pytest.mark.rule("M142", "D28", "LOG-02")
def test_a_return_is_recorded_with_its_reason_and_told_to_who_sent_it(
    lead, own_folder, django_capture_on_commit_callbacks
):
    request = ask_for_finance(lead)
    with django_capture_on_commit_callbacks(execute=True):
        changes.return_(request, str(changes.NO_DOCUMENT), by=officer())
    [entry] = entries(Kind.CHANGE_RETURNED)
    assert (entry.person, entry.taxpayer) == (cast.person("高明远"), cast.taxpayer("HC"))
    assert "原因：需上传变更后的财务负责人身份证信息." in entry.details_in_words
    assert "19900000006" in (own_folder / "sms.jsonl").read_text()
    assert finance_is("林若兰")


def finance_is(name: str) -> bool:
    return changes.finance_post(cast.taxpayer("HC")).person == cast.person(name)


@pytest.mark.rule("D20", "D25", "D31")
def test_approval_replaces_the_finance_officer_and_touches_no_membership(lead):
    before = list(cast.taxpayer("HC").memberships.order_by("pk").values())
    changes.approve(ask_for_finance(lead), by=officer())
    assert finance_is("宋雨桐")
    old = Post.objects.get(taxpayer=cast.taxpayer("HC"), person=cast.person("林若兰"))
    assert old.until == timezone.localdate()
    assert list(cast.taxpayer("HC").memberships.order_by("pk").values()) == before
    [entry] = entries(Kind.CHANGE_APPROVED)
    assert (entry.target, entry.taxpayer) == (cast.person("宋雨桐"), cast.taxpayer("HC"))


@pytest.mark.rule("D20")
def test_what_the_register_changed_meanwhile_is_not_overwritten(lead):
    request = ask_for_finance(lead)
    old = open_post("HC", "林若兰")
    Post.objects.filter(pk=old.pk).update(until=timezone.localdate())
    error = caught(changes.approve, request, by=officer())
    assert error.code == "register_changed"
    assert "税务登记已有变化" in error.messages[0]


@pytest.mark.rule("D25")
@pytest.mark.parametrize("reason", ["", "   "])
def test_a_return_says_why(lead, reason):
    assert refusal(changes.return_, ask_for_finance(lead), reason, by=officer()) == "reason_missing"


@pytest.mark.rule("D25")
def test_a_reason_that_is_too_long_is_refused(lead):
    assert refusal(changes.return_, ask_for_finance(lead), "改" * 201, by=officer()) == "reason_too_long"


@pytest.mark.rule("D25", "AUZ-01")
@pytest.mark.parametrize("name", ["钱思远", "林若兰"])
def test_only_an_officer_decides(lead, name):
    request = ask_for_finance(lead)
    for decide in (lambda by: changes.approve(request, by=by), lambda by: changes.return_(request, "不行", by=by)):
        with pytest.raises(PermissionDenied):
            decide(actor("HC", name))
    assert {entry.reason for entry in entries(Kind.ACT_REFUSED)} == {"not_officer"}


@pytest.mark.rule("D25")
def test_what_is_decided_or_withdrawn_is_not_decided_again(lead):
    request = ask_for_finance(lead)
    changes.approve(request, by=officer())
    assert refusal(changes.approve, request, by=officer()) == "not_pending"
    assert refusal(changes.return_, request, "不行", by=officer()) == "not_pending"
    assert refusal(changes.withdraw, request, by=lead) == "request_settled"


@pytest.mark.rule("D25")
def test_an_officer_does_not_decide_what_he_sent_himself(lead):
    request = ask_for_finance(lead)
    ChangeRequest.objects.filter(pk=request.pk).update(submitted_by=cast.person("高明远"))
    assert refusal(changes.approve, request, by=officer()) == "own_affair"


@pytest.mark.rule("D25", "AUZ-01")
@pytest.mark.parametrize("how", ["works there", "is to come"])
def test_an_officer_does_not_decide_about_himself_or_his_own_firm(lead, how):
    request = ask_for_finance(lead)
    himself = cast.person("高明远")
    if how == "works there":
        Post.objects.filter(pk=open_post("HC", "孙雅静").pk).update(person=himself)
    else:
        ChangeRequest.objects.filter(pk=request.pk).update(
            id_number_hash=himself.id_number_hash, id_number=himself.id_number
        )
    assert refusal(changes.approve, request, by=officer()) == "own_affair"
    assert refusal(changes.return_, request, "不行", by=officer()) == "own_affair"
    assert finance_is("林若兰")


@pytest.mark.rule("D25", "AUZ-01", "D28")
def test_the_counter_decides_nothing_and_it_is_recorded(lead):
    request = ask_for_finance(lead)
    for decide in (
        lambda by: changes.approve(request, by=by),
        lambda by: changes.return_(request, "不行", by=by),
        lambda by: changes.show_numbers(request, by=by),
    ):
        with pytest.raises(PermissionDenied, match="只有审核人员可以审核，前台人员不能审核"):
            decide(officer("顾前程"))
    assert [entry.reason for entry in entries(Kind.ACT_REFUSED)] == ["not_reviewer"] * 3
    assert ChangeRequest.objects.pending().get() == request


@pytest.mark.rule("FIL-04", "D28")
def test_a_scan_is_shown_to_the_firm_and_to_reviewers_and_each_look_is_recorded(lead):
    [scan] = ask_for_finance(lead).scans.all()
    assert changes.show_scan(scan, by=lead).startswith(b"\xff\xd8")
    assert changes.show_scan(scan, by=officer()).startswith(b"\xff\xd8")
    for stranger in (actor("MH", "徐明湖"), actor("HC", "何晨曦"), officer("顾前程")):
        with pytest.raises(PermissionDenied):
            changes.show_scan(scan, by=stranger)
    assert len(entries(Kind.PHOTO_SEEN)) == 2


# --- What the database refuses ----------------------------------------------------------------------------------------


@pytest.mark.rule("CRY-01", "LOG-05")
def test_personal_data_and_scans_are_sealed_at_rest(lead):
    ask_for_finance(lead)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id_number, mobile FROM realname_changerequest")
        [(number, mobile)] = cursor.fetchall()
        cursor.execute("SELECT content FROM realname_changescan")
        [(content,)] = cursor.fetchall()
    assert SONG.id_number not in number
    assert SONG.mobile not in mobile
    assert not content.startswith("/9j/")  # a JPEG in base64


def request_of(**values) -> ChangeRequest:
    given = {"taxpayer": cast.taxpayer("HC"), "kind": ChangeKind.CLERK_ENDED, "submitted_by": cast.person("钱思远")}
    return ChangeRequest(**{**given, "post": open_post("HC", "孙雅静"), **values})


def broken() -> dict[str, list[dict]]:
    """For each constraint, rows of which the last breaks it."""
    now, judge = timezone.now(), cast.person("高明远")
    brings = {"post": None, "name": "甲", "id_type": "passport", "id_number": "E12345678", "mobile": "19900000077"}
    finance, clerk = {**brings, "kind": "finance_changed"}, {**brings, "kind": "clerk_added"}
    decided = {"decided_at": now, "decided_by": judge}
    return {
        "change_request_kind_is_known": [{"kind": "other"}],
        "change_request_id_type_is_known": [{"id_type": "other"}],
        "change_request_decided_by_somebody_with_an_outcome": [{"decided_at": now}],
        "change_request_returned_with_a_reason": [{**decided, "outcome": "returned"}],
        "change_request_approved_is_not_withdrawn": [{**decided, "outcome": "approved", "withdrawn_at": now}],
        "change_request_names_its_post": [{"post": None}],
        "change_request_names_whom_it_brings": [{"kind": "finance_changed"}],
        "change_request_submitted_before_decided": [
            {**decided, "outcome": "approved", "submitted_at": now + timedelta(1)}
        ],
        "change_request_submitted_before_withdrawn": [{"withdrawn_at": now, "submitted_at": now + timedelta(1)}],
        "one_open_finance_change_per_taxpayer": [finance, {**finance, "name": "乙"}],
        "one_open_addition_per_taxpayer_and_document": [clerk, {**clerk, "name": "乙"}],
        "one_open_change_per_post": [{}, {"kind": "phones_changed"}],
    }


@pytest.mark.parametrize("name", [each.name for each in ChangeRequest._meta.constraints])
def test_the_database_refuses_what_breaks_this_constraint(name):
    *fine, last = broken()[name]
    for values in fine:
        request_of(**values).save()
    violated = next(each for each in ChangeRequest._meta.constraints if each.name == name)
    with pytest.raises(ValidationError):
        violated.validate(ChangeRequest, _hashed(request_of(**last)))
    with pytest.raises(IntegrityError), transaction.atomic():
        request_of(**last).save()


def _hashed(request: ChangeRequest) -> ChangeRequest:
    request._meta.get_field("id_number_hash").pre_save(request, add=True)
    return request


def test_a_scan_has_content(lead):
    with pytest.raises(IntegrityError), transaction.atomic():
        ChangeScan.objects.create(request=ask_for_finance(lead), content="")
