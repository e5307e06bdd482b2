"""Collecting, linking and the register's posts at the counter: services (M15, M83, M91, M92, M104, M106, D18, D31)."""

from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.test import TestCase
from django.utils import timezone

from accounts.models import AuditEntry, Person
from accounts.numbers import IdType
from realname import counter, phones, posts
from realname.models import Position, Post, RealNameRecord
from staff import standing
from staff.services import opening, unlocking
from staff.services.opening import Shown
from tests import cast
from tests.etax.officers import COUNTER, REVIEWER, officer
from tests.staff.acting import entries, refusal

pytestmark = pytest.mark.usefixtures("world")

NUMBER = "210102199505050010"
PHONE = "19900000077"


def add(**changed) -> Post:
    given = {"name": "新来人", "id_type": "resident", "id_number": NUMBER, "position": Position.CLERK}
    given |= {"mobile": PHONE, "since": timezone.localdate(), "by": officer()}
    return posts.add(cast.taxpayer(changed.pop("firm", "HC")), **{**given, **changed})


def add_refused(**changed) -> str:
    return refusal(add, **changed)


def post_of(key: str, name: str) -> Post:
    return Post.objects.get(taxpayer=cast.taxpayer(key), person=cast.person(name))


@pytest.mark.rule("M83", "OTP-10", "AUZ-01")
def test_no_officer_makes_his_own_phone_somebody_elses_real_name_phone():
    person, own = cast.person("周文博"), cast.PHONES[COUNTER]
    assert refusal(counter.collect, person, name="周文博", phone=own, by=officer()) == "own_affair"
    assert not person.real_name_records.exists()


@pytest.mark.rule("M83", "M106", "M17")
def test_a_collection_at_the_counter_makes_the_phone_the_real_name_phone():
    person = cast.person("周文博")
    counter.collect(person, name="周文博", phone=PHONE, by=officer())
    person.refresh_from_db()
    assert person.phone == PHONE
    record = person.real_name_records.get()
    assert (record.method, record.phone, record.collected_by) == ("counter", PHONE, cast.person(COUNTER))
    assert Person.objects.by_phone(PHONE).get() == person
    (entry,) = entries("real_name_collected")
    assert entry.target == person
    assert PHONE not in str(entry.details)


@pytest.mark.rule("M17", "OTP-10")
def test_collecting_anew_ends_the_old_record_and_tells_the_old_phone(own_folder):
    person = cast.person("孙雅静")
    old = person.real_name_records.get()
    with TestCase.captureOnCommitCallbacks(execute=True):
        counter.collect(person, name="孙雅婧", phone=PHONE, by=officer())
    old.refresh_from_db()
    person.refresh_from_db()
    assert old.revoked_at is not None
    assert person.real_name_records.count() == 2
    assert person.name == "孙雅婧"
    sent = (own_folder / "sms.jsonl").read_text()
    assert "实名手机号已变更为199****0077，本号码不再接收验证码" in sent
    assert sent.count(cast.PHONES["孙雅静"]) == 1
    assert sent.count(PHONE) == 1


@pytest.mark.rule("M83")
def test_nobody_collects_himself():
    me = cast.person(COUNTER)
    assert refusal(counter.collect, me, name=me.name, phone=PHONE, by=officer()) == "own_affair"
    number = cast.ID_NUMBERS[COUNTER]
    consent = {"id_type": IdType.RESIDENT, "id_number": number, "by": officer()}
    assert refusal(counter.consent, me.name, **consent) == "own_affair"


@pytest.mark.rule("FIL-06", "D34")
def test_the_consent_finds_the_person_by_his_document_or_makes_him_once():
    known = counter.consent("别名", id_type="resident", id_number=cast.ID_NUMBERS["孙雅静"], by=officer())
    assert known == cast.person("孙雅静")
    assert known.name == "孙雅静"
    made = [counter.consent("新来人", id_type="resident", id_number=NUMBER, by=officer()) for _n in range(2)]
    assert made[0] == made[1]
    assert not RealNameRecord.objects.filter(person=made[0]).exists()
    assert [entry.target for entry in entries("consent_given")] == [known, *made]


@pytest.mark.rule("M15", "M106", "D18")
def test_linking_at_the_counter_mends_who_was_not_linked(own_folder):
    post = post_of("YF", "周文博")
    with TestCase.captureOnCommitCallbacks(execute=True):
        counter.link(post, by=officer())
    post.refresh_from_db()
    assert post.linked_at is not None
    (entry,) = entries("post_linked")
    assert (entry.taxpayer, entry.target) == (post.taxpayer, post.person)
    assert refusal(counter.link, post, by=officer()) == "already_linked"


@pytest.mark.rule("D18")
def test_a_post_that_is_over_is_not_linked():
    Post.objects.filter(pk=post_of("BC", "陈国栋").pk).update(linked_at=None)
    assert refusal(counter.link, post_of("BC", "陈国栋"), by=officer()) == "post_ended"


@pytest.mark.rule("M104", "M106", "D34")
def test_a_new_post_is_in_the_register_and_its_person_is_known_by_his_document():
    post = add()
    assert Post.objects.open().get(taxpayer=cast.taxpayer("HC"), person=post.person).mobile == PHONE
    assert standing.of_person(post.person, cast.taxpayer("HC")).problem is standing.NOT_COLLECTED
    assert entries("post_added")[0].target == post.person
    again = add(id_number=cast.ID_NUMBERS["周文博"], name="周文博")
    assert again.person == cast.person("周文博")


@pytest.mark.rule("M102", "D20", "D31")
def test_the_registers_constraints_are_refused_in_words():
    assert add_refused(position=Position.LEGAL_REP) == "lead_taken"
    assert add_refused(position=Position.FINANCE) == "lead_taken"
    assert add_refused(name="孙雅静", id_number=cast.ID_NUMBERS["孙雅静"]) == "post_known"
    assert add_refused(name="别名", id_number=cast.ID_NUMBERS["周文博"]) == "name_differs"
    assert add_refused(since=timezone.localdate() + timedelta(days=1)) == "since_in_the_future"
    assert add_refused(mobile="", landline=PHONE) == "mobile_in_landline"
    assert not entries("post_added")


@pytest.mark.rule("D20", "D31")
def test_the_words_of_a_taken_seat_name_who_holds_it():
    with pytest.raises(Exception, match="该企业已登记法定代表人（业主）（钱\\*远）"):
        add(position=Position.LEGAL_REP)


@pytest.mark.rule("D20", "M102")
def test_a_new_lead_can_be_registered_once_the_old_one_is_ended():
    posts.end(post_of("HC", "钱思远"), until=timezone.localdate(), by=officer())
    post = add(position=Position.LEGAL_REP)
    assert standing.of_person(cast.person("钱思远"), cast.taxpayer("HC")).problem is standing.NOT_IN_REGISTER
    assert standing.of_person(post.person, cast.taxpayer("HC")).is_lead


@pytest.mark.rule("M92")
def test_a_mobile_number_is_moved_out_of_the_landlines_box():
    post = post_of("YF", "赵铁柱")
    assert phones.on_file(post.person, [post]).problem is phones.MOBILE_IN_LANDLINE
    posts.move_landline(post, by=officer())
    post.refresh_from_db()
    assert (post.mobile, post.landline) == ("19900000002", "")
    assert phones.on_file(post.person, [post]).problem is None
    (entry,) = entries("post_changed")
    assert "19900000002" not in str(entry.details)
    assert refusal(posts.move_landline, post, by=officer()) == "not_a_mobile"


@pytest.mark.rule("M92")
def test_where_a_mobile_number_is_already_there_nothing_is_moved_over_it():
    post = post_of("HC", "沈小燕")
    post.landline = "19900000020"
    post.save()
    assert refusal(posts.move_landline, post, by=officer()) == "mobile_present"


@pytest.mark.rule("M91", "M17")
def test_a_mobile_number_that_differs_is_put_right():
    post = post_of("HC", "沈小燕")
    assert phones.on_file(post.person, [post]).problem is phones.PHONES_DIFFER
    posts.change_phones(post, mobile="19900000020", by=officer())
    post.refresh_from_db()
    assert phones.on_file(post.person, [post]).problem is None


@pytest.mark.rule("M91", "M92")
def test_changing_phones_keeps_what_is_left_empty_and_refuses_the_wrong_box():
    post = post_of("HC", "孙雅静")
    assert refusal(posts.change_phones, post, by=officer()) == "nothing_changed"
    posts.change_phones(post, landline="02412345678", by=officer())
    post.refresh_from_db()
    assert (post.mobile, post.landline) == (cast.PHONES["孙雅静"], "02412345678")
    posts.change_phones(post, clear_landline=True, by=officer())
    post.refresh_from_db()
    assert post.landline == ""
    empty = post_of("YF", "赵铁柱")
    assert refusal(posts.change_phones, empty, landline="19900000088", by=officer()) == "mobile_in_landline"


@pytest.mark.rule("D20", "D31")
def test_a_post_is_ended_between_its_beginning_and_today():
    post = post_of("HC", "孙雅静")
    assert refusal(posts.end, post, until=date(2001, 1, 1), by=officer()) == "until_before_since"
    tomorrow = timezone.localdate() + timedelta(days=1)
    assert refusal(posts.end, post, until=tomorrow, by=officer()) == "until_in_the_future"
    posts.end(post, until=timezone.localdate(), by=officer())
    assert refusal(posts.end, post, until=timezone.localdate(), by=officer()) == "post_ended"
    assert refusal(posts.change_phones, post, mobile=PHONE, by=officer()) == "post_ended"
    assert standing.of_person(post.person, post.taxpayer).problem is standing.NOT_IN_REGISTER
    assert len(entries("post_ended")) == 1


@pytest.mark.rule("AUZ-01", "M106")
def test_a_reviewer_does_none_of_this():
    by, post = officer(REVIEWER), post_of("YF", "周文博")
    acts = (
        lambda: counter.collect(post.person, name="周文博", phone=PHONE, by=by),
        lambda: counter.consent("周文博", id_type="resident", id_number=NUMBER, by=by),
        lambda: counter.link(post, by=by),
        lambda: add(by=by),
        lambda: posts.change_phones(post, mobile=PHONE, by=by),
        lambda: posts.move_landline(post, by=by),
        lambda: posts.end(post, until=timezone.localdate(), by=by),
    )
    for act in acts:
        with pytest.raises(PermissionDenied):
            act()
    assert [entry.reason for entry in entries("act_refused")] == ["not_counter"] * len(acts)


@pytest.mark.rule("AUZ-01", "M106")
def test_no_officer_acts_in_his_own_affair():
    me, by = cast.person(COUNTER), officer()
    firm = cast.taxpayer("BC")
    given = {"position": Position.FINANCE, "mobile": me.phone, "since": "2026-01-05"}
    post = Post.objects.create(taxpayer=firm, person=me, **given)
    today = timezone.localdate()
    assert add_refused(name=me.name, id_number=cast.ID_NUMBERS[COUNTER]) == "own_affair"
    for refused in (
        refusal(counter.link, post, by=by),
        refusal(posts.change_phones, post, mobile=PHONE, by=by),
        refusal(posts.move_landline, post, by=by),
        refusal(posts.end, post, until=today, by=by),
        refusal(unlocking.unlock_person, me, by=by),
        refusal(opening.reset_password, firm, version=1, first=opening.draw(), shown=Shown("李", ()), by=by),
    ):
        assert refused == "own_affair"
    assert not AuditEntry.objects.filter(kind__in=["post_linked", "post_changed", "post_ended", "unlocked"]).exists()


@pytest.mark.rule("AUZ-01", "M106", "D22")
def test_no_officer_acts_for_a_firm_that_he_works_for_himself():
    firm, by = cast.taxpayer("YF"), officer()
    Post.objects.create(taxpayer=firm, person=cast.person(COUNTER), position=Position.CLERK, since="2026-01-05")
    colleague = post_of("YF", "周文博")
    for refused in (
        refusal(counter.link, colleague, by=by),
        refusal(posts.change_phones, colleague, mobile=PHONE, by=by),
        refusal(posts.move_landline, post_of("YF", "赵铁柱"), by=by),
        refusal(posts.end, colleague, until=timezone.localdate(), by=by),
        refusal(unlocking.unlock_taxpayer, firm, by=by),
        add_refused(firm="YF"),
    ):
        assert refused == "own_affair"
