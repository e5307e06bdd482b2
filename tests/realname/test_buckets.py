"""Pictures in an S3-compatible store, over a real socket: sealed there, opened here, deleted, swept (FIL-04)."""

import logging
from datetime import timedelta

import boto3
import pytest
import time_machine
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.urls import reverse
from django.utils import timezone
from moto.server import ThreadedMotoServer

from etax import photo_storage
from realname import collecting as services
from realname import photos
from realname.models import Photo
from tests.realname import cards
from tests.realname.collecting import act, at, go_to, officer, sent_in
from tests.realname.test_photos import address, sign_in_himself
from tests.visitor import words

BUCKET = "pictures"


@pytest.fixture(scope="module")
def store():
    """A store that speaks S3, on this machine."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield f"127.0.0.1:{server.get_host_and_port()[1]}"
    server.stop()


@pytest.fixture
def bucket(store, settings):
    """An empty bucket in it, and the portal that keeps its pictures there."""
    options = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    made = boto3.resource("s3", endpoint_url=f"http://{store}", **options).create_bucket(Bucket=BUCKET)
    made.objects.all().delete()
    url = f"s3://key:secret@{store}/{BUCKET}?tls=off"
    settings.STORAGES = {**settings.STORAGES, "photos": photo_storage.storage(url, "")}
    return made


def held(bucket) -> dict[str, bytes]:
    return {each.key: each.get()["Body"].read() for each in bucket.objects.all()}


@pytest.mark.rule("FIL-04", "CRY-01")
def test_the_store_sees_sealed_bytes_under_random_names_and_the_person_sees_his_picture(visitor, bucket):
    collection = sent_in(visitor)
    assert set(held(bucket)) == set(collection.photos.values_list("name", flat=True))
    for photo in collection.photos.all():
        assert not cards.shown_in(held(bucket)[photo.name], photos.content_of(photo))
    act(services.approve, collection, by=officer())
    sign_in_himself(visitor)
    answer = visitor.get(address(collection.photos.get(kind="face")))
    assert (answer.status_code, answer.content[:2]) == (200, b"\xff\xd8")


@pytest.mark.rule("FIL-04", "F26")
def test_what_was_changed_in_the_store_is_not_shown(visitor, bucket, caplog):
    collection = sent_in(visitor)
    act(services.approve, collection, by=officer())
    sign_in_himself(visitor)
    photo = collection.photos.get(kind="front")
    content = bytearray(held(bucket)[photo.name])
    content[100] ^= 1
    bucket.put_object(Key=photo.name, Body=bytes(content))
    with caplog.at_level(logging.ERROR):
        assert visitor.get(address(photo)).status_code == 404
        bucket.Object(photo.name).delete()
        assert visitor.get(address(photo)).status_code == 404
    assert caplog.text.count("can't be opened") >= 2


@pytest.mark.rule("FIL-06")
def test_withdrawing_consent_deletes_the_pictures_in_the_store(visitor, bucket):
    collection = sent_in(visitor)
    act(services.approve, collection, by=officer())
    sign_in_himself(visitor)
    assert len(held(bucket)) == 3
    visitor.post(reverse("realname:withdraw_consent"))
    assert held(bucket) == {}


@pytest.mark.rule("REL-01", "F10")
def test_what_no_row_names_is_swept_and_a_row_without_its_picture_reported(visitor, bucket):
    go_to(visitor, "details")
    name = storages["photos"].save("ab/" + "0" * 32, ContentFile(b"left behind"))
    assert name in held(bucket)
    assert act(photos.tidy)["orphans"] == 0
    bucket.Object(Photo.objects.first().name).delete()
    assert act(photos.tidy)["lost"] == 1
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        swept = act(photos.tidy)
    assert swept["abandoned"] == 1
    assert swept["orphans"] >= 1
    assert held(bucket) == {}


@pytest.mark.rule("F18", "FIL-05")
def test_a_store_that_is_gone_is_told_to_who_uploads_and_nothing_is_half_there(visitor, settings):
    url = f"s3://key:secret@127.0.0.1:1/{BUCKET}?tls=off"  # nothing listens there
    settings.STORAGES = {**settings.STORAGES, "photos": photo_storage.storage(url, "")}
    go_to(visitor, "card_front")
    answer = visitor.post(at("card_front"), {"photo": cards.upload(cards.jpeg())})
    assert answer.status_code == 400
    assert "照片没有保存成功" in words(answer)
    assert not Photo.objects.exists()


@pytest.mark.rule("FIL-04")
def test_the_address_says_all_and_without_one_it_is_a_folder():
    made = photo_storage.storage("s3://k%2F1:s%40x@store.example:9000/pictures?region=cn-north-1", "/x")
    assert made["OPTIONS"] == {
        "access_key": "k/1",
        "secret_key": "s@x",
        "endpoint_url": "https://store.example:9000",
        "bucket_name": "pictures",
        "region_name": "cn-north-1",
        "addressing_style": "path",
    }
    assert photo_storage.storage("", "/x")["OPTIONS"]["location"] == "/x"
