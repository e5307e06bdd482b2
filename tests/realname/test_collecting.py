"""实名采集, the services: who may decide, what an approval changes, what is refused (M7, M16, M17, M83, D26)."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts import sms
from accounts.actor import Actor
from accounts.models import AuditEntry, Person, SignIn, SmsCode
from accounts.models.messages import Purpose
from accounts.models.signins import Proof
from realname import collecting as services
from realname import counter
from realname.models import Collection, Photo, RealNameRecord, Way
from tests import cast
from tests.realname.collecting import NAME, act, officer, sent_in
from tests.staff.acting import refusal
from tests.visitor import words

UNKNOWN = "11010519491231002X"


def waiting(who: str = NAME, /, phone: str = "13900000001", **changed) -> Collection:
    """A collection that waits for an officer, without photos, as services see it."""
    now = timezone.now()
    given = {"name": who, "id_type": "resident", "id_number": cast.ID_NUMBERS.get(who, UNKNOWN), "phone": phone}
    consent = {"consent_version": "2026-11", "begun_at": now, "consented_at": now, "submitted_at": now}
    return Collection.objects.create(**{**given, **consent, **changed})


@pytest.mark.rule("D26", "M19", "OTP-10")
def test_only_the_approval_gives_the_person_the_phone_and_the_old_phone_is_told(visitor):
    collection = waiting("孙雅静")
    person = cast.person("孙雅静")
    old_phone, old = person.phone, person.real_name_records.get(revoked_at=None)
    record = act(services.approve, collection, by=officer())
    person.refresh_from_db()
    old.refresh_from_db()
    assert person.phone == record.phone == "13900000001"
    assert Person.objects.by_phone("13900000001").get() == person
    assert not Person.objects.by_phone(old_phone).exists()
    assert old.revoked_at
    assert (record.method, record.collected_by) == ("app", None)
    collection.refresh_from_db()
    assert (collection.outcome, collection.decided_by.name, collection.record) == ("approved", "高明远", record)
    assert "实名手机号已变更为139****0001" in visitor.texts_to(old_phone)[-1]
    assert "审核通过" in visitor.texts_to("13900000001")[-1]


@pytest.mark.rule("OTP-10", "D16", "M17")
def test_whoever_came_in_by_a_code_to_the_old_phone_is_out_once_another_is_approved(visitor, other_visitor):
    visitor.sign_in_by_sms("HC", "孙雅静")
    other_visitor.sign_in_by_password("HC", "孙雅静")
    act(services.approve, waiting("孙雅静"), by=officer())
    assert "税务机关结束了本次登录" in words(visitor.get("/", follow=True))
    assert other_visitor.get("/").status_code == 200  # no code to the old phone had a part in it


@pytest.mark.rule("OTP-10")
def test_an_open_code_to_the_old_phone_is_dead_once_another_is_approved(visitor):
    visitor.go_to_verify("HC", "孙雅静")
    visitor.post(reverse("staff:send_code"))
    code = visitor.code_on(cast.PHONES["孙雅静"])
    act(services.approve, waiting("孙雅静"), by=officer())
    visitor.post(reverse("staff:verify_by_sms"), {"code": code})
    assert not SignIn.objects.filter(person=cast.person("孙雅静")).exists()


@pytest.mark.rule("LOG-01", "D28")
def test_each_decision_is_one_entry_with_its_officer(world):
    act(services.approve, waiting(), by=officer())
    act(services.return_to_person, waiting("孙雅静"), "照片不是本人", by=officer())
    act(counter.collect, cast.person("马文涛"), name="马文涛", phone="13900000007", by=officer("顾前程"))
    kinds = ("collection_approved", "collection_returned", "real_name_collected")
    entries = AuditEntry.objects.filter(kind__in=kinds).order_by("seq")
    told = [(entry.kind, entry.person.name, entry.target.name) for entry in entries]
    assert told == list(zip(kinds, ["高明远", "高明远", "顾前程"], [NAME, "孙雅静", "马文涛"], strict=True))
    assert entries[1].details_in_words == ["原因：照片不是本人"]


@pytest.mark.rule("AUZ-01", "D26")
@pytest.mark.parametrize("proof", [Proof.PERSON_PASSWORD, Proof.PERSON_SMS, Proof.ENTERPRISE_SMS])
def test_nobody_decides_but_an_officer_through_the_officers_door(world, proof):
    for by in (Actor(), officer("孙雅静"), officer(proof=proof)):
        for service, given in (
            (services.approve, (waiting(id_number=UNKNOWN),)),
            (services.return_to_person, (Collection.objects.last(), "为什么")),
            (services.show_numbers, (Collection.objects.last(),)),
        ):
            with pytest.raises(PermissionDenied):
                service(*given, by=by)
        Collection.objects.all().delete()


@pytest.mark.rule("D26")
def test_no_officer_decides_about_his_own_real_name(world):
    own = waiting("高明远")
    assert refusal(services.approve, own, by=officer()) == "own_affair"
    assert refusal(services.return_to_person, own, "照片不是本人", by=officer()) == "own_affair"
    assert own.is_waiting


@pytest.mark.rule("D26", "OTP-10", "AUZ-01")
def test_no_officer_approves_his_own_phone_for_somebody_else(world):
    collection = waiting("孙雅静", phone=cast.PHONES["高明远"])
    assert refusal(services.approve, collection, by=officer()) == "own_affair"
    assert cast.person("孙雅静").phone == cast.PHONES["孙雅静"]


@pytest.mark.rule("D26", "AUZ-01", "D28")
def test_the_counter_decides_nothing_that_was_sent_in_and_it_is_recorded(world):
    collection, by = waiting(), officer("顾前程")
    for decide in (
        lambda: services.approve(collection, by=by),
        lambda: services.return_to_person(collection, "照片不是本人", by=by),
        lambda: services.show_numbers(collection, by=by),
    ):
        with pytest.raises(PermissionDenied, match="只有审核人员可以审核，前台人员不能审核"):
            decide()
    assert [entry.reason for entry in AuditEntry.objects.filter(kind="act_refused")] == ["not_reviewer"] * 3
    assert Collection.objects.waiting().get() == collection


@pytest.mark.rule("M16", "M17", "D26")
def test_another_name_for_a_known_document_is_shown_and_needs_the_officers_word(world):
    collection = waiting(NAME, name="周文伯")
    shown = services.mismatch(collection)
    assert (shown.known, shown.collected) == (NAME, "周文伯")
    assert services.needs_officer(collection)
    assert refusal(services.approve, collection, by=officer()) == "name_differs"
    act(services.approve, collection, name_checked=True, by=officer())
    assert Person.objects.by_id_number("resident", cast.ID_NUMBERS[NAME]).get().name == "周文伯"


@pytest.mark.rule("D26")
def test_an_unknown_person_is_made_and_a_known_one_joined(world):
    before = Person.objects.count()
    act(services.approve, waiting("没见过", id_number=UNKNOWN), by=officer())
    assert Person.objects.count() == before + 1
    act(services.approve, waiting(NAME), by=officer())
    assert Person.objects.count() == before + 1


@pytest.mark.rule("M17", "M44")
def test_a_new_document_takes_the_place_of_the_former_one(world):
    person = cast.person("孙雅静")
    former = {"former_id_type": "resident", "former_id_number": person.id_number}
    new = {"id_type": "passport", "id_number": "E12345678", "way": Way.CHANGE}
    collection = waiting("孙雅静", **new, **former)
    assert services.needs_officer(collection)
    act(services.approve, collection, by=officer())
    person.refresh_from_db()
    assert (person.id_type, person.id_number) == ("passport", "E12345678")
    assert Person.objects.by_id_number("passport", "E12345678").get() == person


@pytest.mark.rule("M17")
def test_a_former_document_of_nobody_and_a_new_one_of_somebody_else_are_refused(world):
    nobody = waiting(NAME, former_id_type="passport", former_id_number="X0000001")
    assert refusal(services.approve, nobody, by=officer()) == "former_unknown"
    nobody.delete()
    former = cast.ID_NUMBERS["孙雅静"]
    taken = waiting("孙雅静", id_number=cast.ID_NUMBERS[NAME], former_id_type="resident", former_id_number=former)
    assert refusal(services.approve, taken, by=officer()) == "document_taken"
    assert cast.person("孙雅静").id_number == former


@pytest.mark.rule("REL-01")
def test_what_was_decided_is_decided_once(world):
    collection = waiting()
    act(services.approve, collection, by=officer())
    assert refusal(services.approve, collection, by=officer()) == "not_open"
    assert refusal(services.return_to_person, collection, "为什么", by=officer()) == "not_open"
    assert refusal(services.withdraw, collection, by=Actor()) == "not_open"
    assert RealNameRecord.objects.filter(person=cast.person(NAME)).count() == 1


@pytest.mark.rule("D26")
@pytest.mark.parametrize(("reason", "code"), [(" ", "reason_missing"), ("长" * 201, "reason_too_long")])
def test_a_return_needs_a_reason_that_fits_a_message(world, reason, code):
    assert refusal(services.return_to_person, waiting(), reason, by=officer()) == code


@pytest.mark.rule("FIL-06", "M83")
def test_a_newer_collection_takes_the_place_of_the_photos_of_the_one_before(visitor, own_folder):
    first = sent_in(visitor)
    act(services.approve, first, by=officer())
    act(counter.collect, cast.person(NAME), name=NAME, phone=cast.PHONES[NAME], by=officer("顾前程"))
    assert not first.photos.kept().exists()
    assert not [path for path in (own_folder / "photos").rglob("*") if path.is_file()]


@pytest.mark.rule("FIL-06")
def test_nothing_is_sent_in_without_consent_and_all_three_photos(world):
    bare = waiting(submitted_at=None, consent_version="", consented_at=None)
    assert refusal(services.submit, bare, by=Actor()) == "no_consent"
    Collection.objects.filter(pk=bare.pk).update(consent_version="2026-11", consented_at=bare.begun_at)
    bare.refresh_from_db()
    assert refusal(services.submit, bare, by=Actor()) == "photos_missing"
    assert refusal(services.consent, waiting("孙雅静"), "2026-11", by=Actor()) == "not_open"


# --- The code to a phone that is proven ------------------------------------------------------------------------------


def binding(**changed) -> sms.Binding:
    given = {"person": None, "purpose": Purpose.COLLECTION, "taxpayer": None, "login": "one", "phone": "13900000001"}
    return sms.Binding(**{**given, "proves_phone": True, **changed})


@pytest.mark.rule("OTP-07", "D26")
def test_a_code_proves_the_phone_it_went_to_in_this_passage_once(visitor):
    act(sms.send_code, binding(), by=Actor())
    code = visitor.code_on("13900000001")
    for other in (binding(login="two"), binding(phone="13900000002"), binding(purpose=Purpose.REGISTER)):
        assert refusal(sms.check_code, other, code, by=Actor()) == "sms_code"
    act(sms.check_code, binding(), code, by=Actor())
    assert refusal(sms.check_code, binding(), code, by=Actor()) == "sms_code"


@pytest.mark.rule("D21", "RST-01")
def test_a_decoy_stays_a_decoy(visitor):
    act(sms.send_code, binding(proves_phone=False, purpose=Purpose.FORGOTTEN), by=Actor())
    assert visitor.texts_to("13900000001") == []
    with pytest.raises(ValueError, match="names no person"):
        binding(person=cast.person(NAME))


@pytest.mark.rule("OTP-04", "OTP-05", "OTP-06")
def test_the_limits_of_strangers_hold_for_a_phone_that_is_proven(visitor):
    act(sms.send_code, binding(), by=Actor())
    assert refusal(sms.send_code, binding(login="two"), by=Actor()) == "sms_wait"
    act(sms.send_code, binding(purpose=Purpose.REGISTER), by=Actor())  # the pause is kept, and not told (D21)
    assert len(visitor.texts_to("13900000001")) == 1
    for _ in range(5):
        assert refusal(sms.check_code, binding(), "000000", by=Actor()) == "sms_code"
    assert SmsCode.objects.get().closed_at
    assert refusal(sms.check_code, binding(), visitor.code_on("13900000001"), by=Actor()) == "sms_code"
    for _ in range(4):
        refusal(sms.check_code, binding(), "000000", by=Actor())
    assert refusal(sms.check_code, binding(), "000000", by=Actor()) == "sms_blocked"


# --- What the database refuses ---------------------------------------------------------------------------------------

WRONG = {
    "collection_way_is_known": {"way": "elsewhere"},
    "collection_id_type_is_known": {"id_type": "library"},
    "collection_has_a_name": {"name": ""},
    "collection_has_an_id_number": {"id_number": ""},
    "collection_has_a_phone": {"phone": ""},
    "collection_consent_has_version_and_time": {"submitted_at": None, "consent_version": ""},
    "collection_submitted_with_consent": {"consent_version": "", "consented_at": None},
    "collection_decided_has_an_outcome": {"decided_at": "later"},
    "collection_approved_is_a_record": {"decided_at": "later", "outcome": "approved"},
    "collection_former_document_is_whole": {"former_id_type": "passport"},
    "collection_begun_before_consent": {"begun_at": "later"},
    "collection_consent_before_submission": {"consented_at": "later"},
    "collection_submitted_before_decided": {"decided_at": "before", "outcome": "returned"},
}


@pytest.mark.parametrize("constraint", WRONG)
def test_the_database_refuses_a_collection_that_cannot_be(world, constraint):
    times = {"later": timezone.now() + timedelta(days=1), "before": timezone.now() - timedelta(days=1)}
    changed = {key: times.get(value, value) for key, value in WRONG[constraint].items()}
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        waiting(**changed)


@pytest.mark.rule("D26")
def test_the_database_keeps_one_open_collection_per_document(world):
    waiting()
    with pytest.raises(IntegrityError), transaction.atomic():
        waiting(phone="13900000002")
    waiting(phone="13900000002", submitted_at=None)
    Collection.objects.waiting().update(decided_at=timezone.now(), outcome="returned")
    waiting(phone="13900000002")


@pytest.mark.parametrize(
    ("constraint", "changed"),
    [
        ("photo_kind_is_known", {"kind": "ear"}),
        ("photo_deleted_is_wiped", {"key": ""}),
        ("photo_deleted_is_wiped", {"name": ""}),
        ("photo_deleted_is_wiped", {"deleted_at": timezone.now() + timedelta(days=1)}),
        ("photo_taken_before_deleted", {"deleted_at": "1999-01-01T00:00Z", "name": "", "key": ""}),
    ],
)
def test_the_database_refuses_a_photo_that_cannot_be(world, constraint, changed):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Photo.objects.create(
            **{"collection": waiting(), "kind": "front", "name": "a/b", "key": "k", "size": 1, **changed}
        )


def test_the_database_keeps_one_photo_of_each_kind_and_one_row_per_file(world):
    collection = waiting()
    given = {"collection": collection, "key": "k", "size": 1}
    Photo.objects.create(kind="front", name="a/1", **given)
    for wrong in ({"kind": "front", "name": "a/2"}, {"kind": "back", "name": "a/1"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Photo.objects.create(**wrong, **given)
    Photo.objects.create(kind="back", name="a/2", **given)
