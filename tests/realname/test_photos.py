"""Keeping photos: sealed at rest, opened for whom they concern, deleted when they must be (FIL-04 to FIL-06)."""

import logging
import os
import stat
from datetime import timedelta
from importlib import import_module
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
import time_machine
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from accounts import passwords, signins
from accounts.actor import Actor
from accounts.models import AuditEntry, Person, SignIn
from accounts.models.signins import Proof
from realname import collecting as services
from realname import counter, photos
from realname.models import Collection, Photo
from tests import cast
from tests.realname import cards
from tests.realname.collecting import NAME, act, at, go_to, officer, sent_in, wait_a_minute
from tests.realname.keeping import keep_photo
from tests.visitor import words


def files(folder: Path) -> list[Path]:
    """Every file under the photos' root."""
    return [path for path in (folder / "photos").rglob("*") if path.is_file()]


def address(photo: Photo) -> str:
    return reverse("realname:photo", args=[photo.uid])


def sign_in_himself(visitor, name: str = NAME) -> None:
    """A natural person's own sign-in, by an account made for him."""
    person = cast.person(name)
    person.username, person.credential = "himself", passwords.store(None, passwords.hash_new("Himself-2026-ok"))
    person.save()
    data = {"username": "himself", "password": "Himself-2026-ok", "agreement": "on"}
    assert visitor.post_with_picture(reverse("staff:natural_login"), data).url == reverse("home")


def sign_in_officer(visitor, name: str = "高明远") -> None:
    """An officer in his browser, as the officers' own door leaves it: a reviewer, if nobody else is named."""
    person = cast.person(name)
    sign_in = SignIn.objects.create(person=person, proof=Proof.OFFICER_SMS, code_at=timezone.now())
    visitor.force_login(person, backend="accounts.backends.PersonBackend")
    session = visitor.session
    session[signins.SESSION_KEY] = str(sign_in.uid)
    session.save()


@pytest.mark.rule("FIL-04", "CRY-01")
def test_at_rest_a_photo_is_sealed_random_named_and_for_its_owner_alone(visitor, own_folder):
    go_to(visitor, "card_back")
    (file,) = files(own_folder)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    content, photo = file.read_bytes(), Photo.objects.get()
    assert len(file.name) == 32
    assert str(photo.uid).replace("-", "") != file.name
    assert photo.size == len(content)
    picture = photos.content_of(photo)
    assert cards.shown_in(b"before" + picture[200:], picture)
    assert not cards.shown_in(content, picture)


@pytest.mark.rule("FIL-04", "CRY-01")
def test_without_the_ring_nothing_opens_and_a_file_put_in_anothers_place_does_not_either(visitor, own_folder, settings):
    go_to(visitor, "details")
    front, back = Photo.objects.order_by("pk")
    assert photos.content_of(front).startswith(b"\xff\xd8")
    storage = storages["photos"]
    foreign = storage.open(back.name).read()
    (own_folder / "photos" / front.name).write_bytes(foreign)
    with pytest.raises(photos.sealing.SealBroken):
        photos.content_of(front)
    settings.SEALING_KEYS = ["other:" + "A" * 43 + "="]
    with pytest.raises(photos.sealing.SealBroken):
        Photo.objects.get(pk=back.pk)


@pytest.mark.rule("FIL-04")
def test_a_reviewer_sees_a_photo_while_it_waits_and_the_person_once_it_is_his_with_every_header(visitor, other_visitor):
    collection = sent_in(visitor)
    sign_in_officer(other_visitor)
    photo = collection.photos.get(kind="front")
    answers = [other_visitor.get(address(photo))]
    act(services.approve, collection, by=officer())
    sign_in_himself(visitor)
    answers.append(visitor.get(address(photo)))
    for answer in answers:
        assert answer.status_code == 200
        assert answer.content.startswith(b"\xff\xd8\xff")
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="front.jpg"'
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    seen = AuditEntry.objects.filter(kind="photo_seen").order_by("seq")
    assert [(entry.person.name, entry.target and entry.target.name) for entry in seen] == [
        ("高明远", None),
        (NAME, NAME),
    ]


@pytest.mark.rule("FIL-04", "FIL-06", "AUZ-02")
def test_an_officer_who_has_nothing_to_review_gets_404_and_his_trying_is_recorded(visitor, other_visitor):
    collection = sent_in(visitor)
    photo = collection.photos.get(kind="face")
    sign_in_officer(other_visitor, "顾前程")
    assert other_visitor.get(address(photo)).status_code == 404  # the counter takes no pictures
    act(services.approve, collection, by=officer())
    sign_in_officer(other_visitor)
    assert other_visitor.get(address(photo)).status_code == 404  # what is decided is no reviewer's any more
    page = other_visitor.get(reverse("bureau:collection", args=[collection.uid]))
    assert "照片只有本人可以查看" in words(page)
    assert b"<img" not in page.content
    tried = AuditEntry.objects.filter(kind="not_found", details__what="photo").order_by("seq")
    assert [entry.person.name for entry in tried] == ["顾前程", "高明远"]
    assert not AuditEntry.objects.filter(kind="photo_seen").exists()


@pytest.mark.rule("FIL-04", "FIL-06")
def test_what_was_returned_can_be_looked_at_again_while_it_is_kept(visitor):
    collection = sent_in(visitor)
    act(services.return_to_person, collection, "照片不清楚", by=officer())
    for photo in collection.photos.kept():
        assert photos.seen_by(photo, officer())


@pytest.mark.rule("FIL-04", "AUZ-02")
def test_for_everybody_else_there_is_no_such_photo(visitor, other_visitor):
    collection = sent_in(visitor)
    photo = collection.photos.get(kind="face")
    before = visitor.get(address(photo))  # even for who sent it in, without a sign-in of his own
    act(services.approve, collection, by=officer())
    visitors = [before, other_visitor.get(address(photo)), other_visitor.get(reverse("realname:photo", args=[uuid4()]))]
    assert {answer.url.partition("?")[0] for answer in visitors} == {reverse("login")}
    other_visitor.sign_in_by_password("HC", "钱思远")
    stranger = other_visitor.get(address(photo))
    assert stranger.status_code == 404
    assert b"\xff\xd8" not in stranger.content
    assert not AuditEntry.objects.filter(kind="photo_seen").exists()


@pytest.mark.rule("D10", "RST-04", "FIL-04")
def test_in_the_111111_state_a_photo_is_as_closed_as_everything_else(visitor):
    photo = keep_photo(cast.person("孙雅静"))
    passwords.reset(cast.membership("HC", "孙雅静").credential)
    visitor.go_to_verify("HC", "孙雅静")
    visitor.post(reverse("staff:verify_by_password"), {"password": "111111"})
    assert visitor.get(address(photo)).url == reverse("staff:change_password")
    assert not AuditEntry.objects.filter(kind="photo_seen").exists()


@pytest.mark.rule("FIL-04")
def test_an_officer_who_came_in_by_a_citizens_door_is_no_officer_here(visitor):
    collection = sent_in(visitor)
    photo = collection.photos.first()
    assert photos.seen_by(photo, officer())
    assert not photos.seen_by(photo, officer(proof=Proof.PERSON_PASSWORD))
    assert not photos.seen_by(photo, Actor())


@pytest.mark.rule("REL-01")
def test_a_photo_whose_file_was_tampered_with_or_is_gone_is_404_and_in_the_log(visitor, own_folder, caplog):
    collection = sent_in(visitor)
    act(services.approve, collection, by=officer())
    sign_in_himself(visitor)
    photo = collection.photos.get(kind="front")
    path = own_folder / "photos" / photo.name
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with caplog.at_level(logging.ERROR):
        assert visitor.get(address(photo)).status_code == 404
        path.unlink()
        assert visitor.get(address(photo)).status_code == 404
    assert caplog.text.count("can't be opened") >= 2


@pytest.mark.rule("FIL-06", "D26")
def test_withdrawing_consent_deletes_every_photo_at_once_and_keeps_the_real_name(visitor, own_folder):
    collection = sent_in(visitor)
    act(services.approve, collection, by=officer())
    sign_in_himself(visitor)
    before = collection.photos.first()
    assert len(files(own_folder)) == 3
    page = words(visitor.get(at("mine")))
    assert "证件正面（人像面）" in page
    assert "立即删除" in words(visitor.get(at("withdraw_consent")))
    assert len(files(own_folder)) == 3  # looking changes nothing
    answer = words(visitor.post(at("withdraw_consent"), follow=True))
    assert "已撤回同意，照片已删除" in answer
    assert "没有保存您的照片" in answer
    assert files(own_folder) == []
    assert visitor.get(address(before)).status_code == 404
    kept = Photo.objects.values_list("name", "key", "deleted_at")
    assert all(name == key == "" and deleted_at for name, key, deleted_at in kept)
    assert cast.person(NAME).real_name_records.filter(revoked_at=None).exists()
    assert AuditEntry.objects.get(kind="consent_withdrawn").details == {"photos": 3}
    assert "没有可以撤回的同意" in words(visitor.post(at("withdraw_consent"), follow=True))


def kept() -> int:
    """How many pictures are kept, of anybody."""
    return Photo.objects.kept().count()


def withdraw(visitor) -> str:
    """The button of 我的实名信息, pressed and confirmed; what the page says then."""
    assert f'href="{at("withdraw_consent")}"' in visitor.get(at("mine")).content.decode()
    return words(visitor.post(at("withdraw_consent"), follow=True))


def returned(visitor, name: str = NAME, **who) -> Collection:
    """Sent in, and not approved; the next code may be asked for."""
    collection = sent_in(visitor, name, **who)
    act(services.return_to_person, collection, "照片不清楚", by=officer())
    wait_a_minute()
    return collection


@pytest.mark.rule("FIL-06", "D26")
def test_who_was_returned_is_told_what_is_kept_and_withdraws_it(visitor, own_folder):
    collection = returned(visitor, "孙雅静")
    sign_in_himself(visitor, "孙雅静")
    page = words(visitor.get(at("mine")))
    assert "没有通过审核，其中的照片只有审核人员可以查看，三十天后删除" in page
    assert "没有保存您的照片" not in page
    assert "已撤回同意，照片已删除" in withdraw(visitor)
    assert (kept(), files(own_folder)) == (0, [])
    collection.refresh_from_db()
    assert (collection.outcome, collection.consent_withdrawn_at is not None) == ("returned", True)
    assert "没有可以撤回的同意" in words(visitor.post(at("withdraw_consent"), follow=True))


@pytest.mark.rule("FIL-06", "D26")
def test_an_approval_deletes_the_photos_of_what_was_returned_before(visitor, own_folder):
    first = returned(visitor)
    second = sent_in(visitor)
    act(services.approve, second, by=officer())
    assert (first.photos.kept().count(), second.photos.kept().count(), len(files(own_folder))) == (0, 3, 3)
    sign_in_himself(visitor)
    assert "已撤回同意，照片已删除" in withdraw(visitor)
    assert files(own_folder) == []


@pytest.mark.rule("FIL-06", "M83")
def test_a_collection_at_the_counter_deletes_the_photos_of_what_was_returned_before(visitor):
    returned(visitor)
    act(counter.collect, cast.person(NAME), name=NAME, phone=cast.PHONES[NAME], by=officer("顾前程"))
    assert kept() == 0


PASSPORT = {"way": "change", "id_type": "passport", "id_number": "E12345678", "former_id_type": "resident"}


def changed(visitor, name: str = NAME, **who) -> Collection:
    """A 变更 to a passport, sent in."""
    return sent_in(visitor, name, **PASSPORT, former_id_number=cast.ID_NUMBERS[name], **who)


@pytest.mark.rule("FIL-06", "D26", "M17")
def test_a_change_that_waits_under_a_new_document_is_withdrawn_at_the_counter(visitor, own_folder):
    collection = changed(visitor)
    assert act(services.withdraw_consent, cast.person(NAME), by=officer("顾前程")) == 3
    collection.refresh_from_db()
    assert (collection.outcome, files(own_folder)) == ("withdrawn", [])
    assert AuditEntry.objects.get(kind="consent_withdrawn").target == cast.person(NAME)


@pytest.mark.rule("FIL-06", "D26", "M17")
def test_the_approval_of_a_change_deletes_what_was_returned_under_either_document(visitor):
    returned(visitor)
    act(services.return_to_person, changed(visitor), "照片不清楚", by=officer())
    wait_a_minute()
    assert kept() == 6
    last = changed(visitor)
    act(services.approve, last, by=officer())
    assert kept() == last.photos.kept().count() == 3


@pytest.mark.rule("FIL-06", "M17")
def test_what_waits_under_the_former_document_is_still_his_unless_another_has_it_now(visitor, other_visitor):
    last = changed(visitor)
    wait_a_minute()
    sent_in(other_visitor)
    act(services.approve, last, by=officer())
    person = Person.objects.by_id_number("passport", "E12345678").get()
    other = Person.objects.create(name=NAME, id_type="resident", id_number=cast.ID_NUMBERS[NAME])
    assert Collection.objects.about(person).get() == last
    assert Collection.objects.about(other).get().is_waiting
    other.delete()
    assert Collection.objects.about(person).count() == 2
    assert act(services.withdraw_consent, person, by=officer("顾前程")) == 6


@pytest.mark.rule("FIL-06", "D26")
def test_what_was_not_sent_in_yet_goes_as_well_and_its_passage_begins_again(visitor, other_visitor, own_folder):
    go_to(other_visitor, "details", "孙雅静")
    sign_in_himself(visitor, "孙雅静")
    assert "还没有提交，其中的照片一小时后自动删除" in words(visitor.get(at("mine")))
    assert "已撤回同意，照片已删除" in withdraw(visitor)
    assert (files(own_folder), Collection.objects.exists()) == ([], False)
    assert other_visitor.get(at("details")).url == at("collect")


@pytest.mark.rule("FIL-04", "FIL-06", "AUZ-02", "D27")
def test_a_strangers_photos_under_my_document_are_named_and_deleted_for_me_and_never_shown(visitor, other_visitor):
    collection = sent_in(other_visitor, "孙雅静", phone="13900000001")
    sign_in_himself(visitor, "孙雅静")
    page = visitor.get(at("mine")).content.decode()
    assert "用您的证件提交的采集正在审核" in page
    assert not any(told in page for told in ("13900000001", "139****0001", "/realname/photos/"))
    assert all(visitor.get(address(photo)).status_code == 404 for photo in collection.photos.kept())
    assert "已撤回同意，照片已删除" in withdraw(visitor)
    assert kept() == 0


@pytest.mark.rule("FIL-06", "AUZ-02")
def test_nobody_withdraws_what_names_another_document_or_became_anothers_record(visitor, other_visitor):
    act(services.approve, sent_in(visitor), by=officer())
    returned(other_visitor, "董佳慧")
    for name in ("孙雅静", "顾前程"):
        person = cast.person(name)
        with pytest.raises(ValidationError) as caught:
            services.withdraw_consent(person, by=Actor(person=person))
        assert caught.value.code == "nothing_to_withdraw"
    assert act(services.withdraw_consent, cast.person("董佳慧"), by=officer("顾前程")) == 3
    assert kept() == 3


@pytest.mark.rule("CRY-01", "FIL-06")
def test_former_documents_from_before_there_was_a_hash_are_hashed(visitor):
    collection = changed(visitor)
    Collection.objects.update(former_id_number_hash="")
    assert not Collection.objects.about(cast.person(NAME)).exists()
    migration = import_module("realname.migrations.0006_former_documents_hashed")
    migration.hash_former(apps, None)
    assert Collection.objects.about(cast.person(NAME)).get() == collection


@pytest.mark.rule("FIL-06", "AUZ-06")
def test_consent_is_withdrawn_by_the_person_or_the_counter_and_nobody_else(visitor):
    collection = sent_in(visitor)
    act(services.approve, collection, by=officer())
    person, stranger = cast.person(NAME), cast.person("孙雅静")
    with pytest.raises(PermissionDenied):
        services.withdraw_consent(person, by=Actor(person=stranger))
    with pytest.raises(PermissionDenied):
        services.withdraw_consent(person, by=officer())
    assert act(services.withdraw_consent, person, by=officer("顾前程")) == 3


@pytest.mark.rule("FIL-06")
def test_the_nightly_job_deletes_what_a_withdrawal_left_behind(visitor, own_folder):
    collection = sent_in(visitor)
    act(services.approve, collection, by=officer())
    Collection.objects.update(consent_withdrawn_at=timezone.now())
    assert act(photos.tidy)["withdrawn"] == 3
    assert files(own_folder) == []
    assert AuditEntry.objects.get(kind="photos_deleted").target == cast.person(NAME)


@pytest.mark.rule("FIL-06", "FIL-05")
def test_an_abandoned_passage_is_gone_after_an_hour_photos_and_all(visitor, own_folder):
    go_to(visitor, "face")
    assert act(photos.tidy)["abandoned"] == 0
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert act(photos.tidy)["abandoned"] == 1
    assert files(own_folder) == []
    assert not Collection.objects.exists()
    answer = visitor.get(at("face"), follow=True)
    assert "该采集已超过时限并已清除" in words(answer)


@pytest.mark.rule("FIL-06")
def test_photos_that_were_not_approved_are_kept_for_thirty_days_and_those_that_were_stay(visitor, other_visitor):
    approved = sent_in(visitor)
    act(services.approve, approved, by=officer())
    returned = sent_in(other_visitor, "董佳慧")
    act(services.return_to_person, returned, "照片不是本人", by=officer())
    with time_machine.travel(timezone.now() + timedelta(days=29)):
        assert act(photos.tidy)["returned"] == 0
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert act(photos.tidy)["returned"] == 3
    assert (returned.photos.kept().count(), approved.photos.kept().count()) == (0, 3)


@pytest.mark.rule("REL-01")
def test_a_file_without_a_row_is_taken_away_after_an_hour_and_a_row_without_a_file_is_reported(
    visitor, own_folder, caplog
):
    go_to(visitor, "details")
    name = storages["photos"].save("ab/" + "0" * 32, ContentFile(b"left behind"))
    path = own_folder / "photos" / name
    assert act(photos.tidy)["orphans"] == 0
    old = (timezone.now() - timedelta(hours=2)).timestamp()
    for file in files(own_folder):
        os.utime(file, (old, old))
    assert act(photos.tidy)["orphans"] == 1
    assert not path.exists()
    assert len(files(own_folder)) == 2
    lost = Photo.objects.first()
    (own_folder / "photos" / lost.name).unlink()
    with caplog.at_level(logging.ERROR):
        assert act(photos.tidy)["lost"] == 1
    assert "has lost its file" in caplog.text
    assert Photo.objects.kept().count() == 1


@pytest.mark.rule("FIL-06")
def test_tidy_runs_with_the_others_every_night(visitor):
    out = StringIO()
    call_command("tidy", stdout=out)
    assert "abandoned: 0" in out.getvalue()
    assert "lost: 0" in out.getvalue()


@pytest.mark.rule("F18", "REL-01")
@pytest.mark.usefixtures("world")
def test_a_store_of_photos_that_does_not_answer_keeps_nothing_else_from_being_tidied(monkeypatch):
    def down() -> None:
        raise OSError("the store doesn't answer")

    Session.objects.create(session_key="old", session_data="", expire_date=timezone.now() - timedelta(days=1))
    monkeypatch.setattr(photos, "_delete_abandoned", down)
    out = StringIO()
    with pytest.raises(CommandError, match="could not be tidied: photos"):
        call_command("tidy", stdout=out)
    assert not Session.objects.filter(session_key="old").exists()
    assert "engagements: 0" in out.getvalue()


@pytest.mark.rule("FIL-05")
def test_unfinished_passages_share_a_quota_and_a_refused_photo_leaves_no_file(visitor, own_folder, monkeypatch):
    go_to(visitor, "card_back")
    monkeypatch.setattr(photos, "QUOTA", Photo.objects.get().size + 1000)
    collection = Collection.objects.get()
    with pytest.raises(ValidationError) as caught:
        act(photos.add, collection, Photo.Kind.BACK, cards.jpeg())
    assert caught.value.code == "photo_quota"
    assert len(files(own_folder)) == 1


@pytest.mark.rule("REL-01")
def test_when_the_disk_is_full_the_visitor_is_told_and_nothing_is_half_there(visitor, own_folder, monkeypatch):
    go_to(visitor, "card_back")

    def full(self, name, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(storages["photos"]), "_save", full)
    answer = visitor.post(at("card_back"), {"photo": cards.upload(cards.jpeg())})
    assert answer.status_code == 400
    assert "照片没有保存成功" in words(answer)
    assert Photo.objects.count() == 1


@pytest.mark.rule("FIL-04")
def test_a_photo_taken_again_takes_the_place_of_the_first(visitor, own_folder):
    go_to(visitor, "card_back")
    first = Photo.objects.get()
    visitor.post(at("card_front"), {"photo": cards.upload(cards.jpeg(cards.drawing(seed=9)))})
    assert len(files(own_folder)) == 1
    assert Photo.objects.kept().get().pk != first.pk


@pytest.mark.rule("FIL-04")
def test_a_collection_that_was_sent_in_takes_no_more_photos(visitor, own_folder):
    collection = sent_in(visitor)
    with pytest.raises(ValidationError) as caught:
        act(photos.add, collection, Photo.Kind.FACE, cards.jpeg())
    assert caught.value.code == "not_open"
    assert len(files(own_folder)) == 3


@pytest.mark.rule("CRY-01", "CRY-02")
@pytest.mark.parametrize("ciphers", ["international", "guomi"])
def test_a_photo_opens_after_the_keys_were_rotated_and_the_family_of_ciphers_changed(visitor, settings, ciphers):
    settings.CIPHERS = ciphers
    go_to(visitor, "card_back")
    settings.CIPHERS = "guomi" if ciphers == "international" else "international"
    settings.SEALING_KEYS = ["newer:" + "B" * 43 + "=", *settings.SEALING_KEYS]
    call_command("rotate_keys", stdout=StringIO())
    settings.SEALING_KEYS = settings.SEALING_KEYS[:1]
    assert photos.content_of(Photo.objects.get()).startswith(b"\xff\xd8")
