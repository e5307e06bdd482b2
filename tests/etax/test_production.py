"""A real bureau's portal starts only when it is safe, and the embedded default answers on its own machine alone."""

import re
import socket
from typing import Any

import pytest
from django.conf import settings as portal
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from accounts import gateways
from etax import embedded, production
from tests import deploy_check
from tests.etax import in_production

KEY, OTHER = "a1:" + "A" * 43 + "=", "b1:" + "B" * 43 + "="
FIT: dict[str, Any] = {
    "SECRET_KEY": "q8Zt-3Lk_vN5wXy7Rb2Mf9Jh4Gd6Sa1Pc0Ue-oTiKlWmQzVxEnYr",
    "ALLOWED_HOSTS": ["portal.example"],
    "SEALING_KEYS": [KEY],
    "LOOKUP_KEYS": [OTHER],
    "SMS_URL": "https://user:secret@gateway.example/send",
    "SMS_FALLBACK_URL": "",
    "CACHE_URL": "redis://127.0.0.1:6379/0",
    "DATABASES": {"default": {"PASSWORD": "Xk3-long-and-own"}},
    "SSO": True,
    "SSO_KEY_FILE": "/etc/etax/sso.pem",
    "PORTAL_URL": "https://portal.example",
    "SOCIAL_INSURANCE_URL": "https://insurance.example/enter",
    "SOCIAL_INSURANCE_SECRET": "s3cret-" * 8,
    "PHOTO_URL": "",
    "PASSWORD_POLICY": "modern",
    "CIPHERS": "international",
    "DECLARATION_CLIENTS": ["client:" + "a" * 64],
}
"""Settings that a start accepts; each row below spoils one."""

WEAK_KEY, HOSTS, WILDCARD = "SECRET_KEY is missing or weak", "ALLOWED_HOSTS is empty", "ALLOWED_HOSTS has a wildcard"
SMS, REDIS = "SMS_URL must be an https address, or tencent:// or aliyun://", "CACHE_URL must name a Redis server"
SINGLE = "single sign-on needs SSO_KEY_FILE, and PORTAL_URL as an https address"
SECOND = "SMS_FALLBACK_URL must be an https address, or tencent:// or aliyun://"
INSURANCE = "SOCIAL_INSURANCE_URL must be an https address"
SECRET, DATABASE = "SOCIAL_INSURANCE_SECRET is missing or weak", "the database password is a default one"
SEALS, LOOKUPS, SHARED = "SEALING_KEYS is empty", "LOOKUP_KEYS is empty", "SEALING_KEYS and LOOKUP_KEYS share a key"
FAMILY = "CIPHERS must be international or guomi"
CLIENT = "a declaration client must be name:SHA-256 in hex"
POLICY, NO_KEY = "PASSWORD_POLICY must be modern or dengbao", "a key must be name:base64 of 32 bytes"

PHOTOS = "PHOTO_URL must be s3://key:secret@host/bucket, with TLS"

FAULTS = [
    ("PHOTO_URL", "https://store.example/bucket", PHOTOS),
    ("PHOTO_URL", "s3://store.example/bucket", PHOTOS),
    ("PHOTO_URL", "s3://key:secret@store.example/", PHOTOS),
    ("PHOTO_URL", "s3://key:secret@store.example/bucket?tls=off", PHOTOS),
    ("SECRET_KEY", "", WEAK_KEY),
    ("SECRET_KEY", "short", WEAK_KEY),
    ("SECRET_KEY", "a" * 80, WEAK_KEY),
    ("SECRET_KEY", "0123456789" * 8, WEAK_KEY),
    ("SECRET_KEY", FIT["SECRET_KEY"][:49], WEAK_KEY),
    ("ALLOWED_HOSTS", [], HOSTS),
    ("ALLOWED_HOSTS", ["*"], WILDCARD),
    ("ALLOWED_HOSTS", ["portal.example", "*.example"], WILDCARD),
    ("ALLOWED_HOSTS", [".example"], WILDCARD),
    ("SEALING_KEYS", [], SEALS),
    ("LOOKUP_KEYS", [], LOOKUPS),
    ("SEALING_KEYS", ["no key at all"], NO_KEY),
    ("SEALING_KEYS", [KEY, "a2:dG9vIHNob3J0"], NO_KEY),
    ("LOOKUP_KEYS", ["a1:not base64!"], NO_KEY),
    ("LOOKUP_KEYS", [OTHER, ":" + "C" * 43 + "="], NO_KEY),
    ("LOOKUP_KEYS", [KEY], SHARED),
    ("LOOKUP_KEYS", ["other:" + "A" * 43 + "="], SHARED),
    ("SMS_URL", "", SMS),
    ("SMS_URL", "file:///tmp/sms.jsonl", SMS),
    ("SMS_URL", "http://gateway.example/send", SMS),
    ("SMS_URL", "https://", SMS),
    ("SMS_URL", "gateway.example", SMS),
    ("SMS_URL", "tencent+http://key:secret@gateway.example/1", SMS),
    ("SMS_URL", "aliyun://", SMS),
    ("SSO_KEY_FILE", "", SINGLE),
    ("PORTAL_URL", "http://portal.example", SINGLE),
    ("PORTAL_URL", "", SINGLE),
    ("SMS_FALLBACK_URL", "http://gateway.example/send", SECOND),
    ("SMS_FALLBACK_URL", "aliyun+http://key:secret@gateway.example/", SECOND),
    ("CACHE_URL", "", REDIS),
    ("CACHE_URL", "locmem://", REDIS),
    ("SOCIAL_INSURANCE_URL", "", INSURANCE),
    ("SOCIAL_INSURANCE_URL", "http://insurance.example/", INSURANCE),
    ("SOCIAL_INSURANCE_URL", "https://", INSURANCE),
    ("SOCIAL_INSURANCE_SECRET", "", SECRET),
    ("SOCIAL_INSURANCE_SECRET", "s" * 31, SECRET),
    ("DATABASES", {"default": {"PASSWORD": "postgres"}}, DATABASE),
    ("DATABASES", {"default": {"PASSWORD": "password"}}, DATABASE),
    ("CIPHERS", "rot13", FAMILY),
    ("PASSWORD_POLICY", "none", POLICY),
    ("PASSWORD_POLICY", "", POLICY),
    ("DECLARATION_CLIENTS", ["client:secret-in-clear"], CLIENT),
    ("DECLARATION_CLIENTS", [":" + "a" * 64], CLIENT),
]


@pytest.mark.rule("CFG-01")
def test_fit_settings_are_accepted():
    production.refuse_unsafe(FIT)
    production.refuse_unsafe(FIT | {"PASSWORD_POLICY": "dengbao", "CACHE_URL": "rediss://cache.example/0"})


@pytest.mark.rule("CFG-01")
@pytest.mark.parametrize(("name", "value", "fault"), FAULTS)
def test_this_fault_alone_is_refused_and_named_alone(name, value, fault):
    with pytest.raises(ImproperlyConfigured) as refusal:
        production.refuse_unsafe(FIT | {name: value})
    assert str(refusal.value) == f"DEBUG is off, but: {fault}"


@pytest.mark.rule("CFG-01")
def test_all_faults_are_named_at_once_so_that_an_operator_mends_them_in_one_go():
    spoilt = FIT | {name: value for name, value, _fault in FAULTS} | {"ALLOWED_HOSTS": ["*"]}
    spoilt |= {"SEALING_KEYS": [KEY], "LOOKUP_KEYS": [KEY], "SOCIAL_INSURANCE_URL": ""}
    with pytest.raises(ImproperlyConfigured) as refusal:
        production.refuse_unsafe(spoilt)
    named = set(str(refusal.value).removeprefix("DEBUG is off, but: ").split("; "))
    assert named == {
        WEAK_KEY,
        WILDCARD,
        SMS,
        SECOND,
        REDIS,
        INSURANCE,
        SECRET,
        DATABASE,
        SHARED,
        POLICY,
        FAMILY,
        CLIENT,
        PHOTOS,
        SINGLE,
    }


@pytest.mark.rule("CFG-01")
def test_every_condition_is_tried_above():
    conditions = {fault for _is_fit, fault in production._conditions(FIT)}
    assert conditions == {fault for _name, _value, fault in FAULTS}


@pytest.mark.rule("CFG-01")
def test_the_refusal_tells_no_secret():
    with pytest.raises(ImproperlyConfigured) as refusal:
        production.refuse_unsafe(FIT | {"SECRET_KEY": "canary-short", "SMS_URL": "http://u:canary@gateway.example/"})
    assert "canary" not in str(refusal.value)


@pytest.mark.rule("CFG-01")
def test_the_deploy_check_is_clean():
    done = deploy_check.run()
    assert (done.returncode, done.stdout.strip()) == (0, "System check identified no issues (1 silenced).")


@pytest.mark.rule("CFG-01", "OTP-11", "D33")
@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"SECRET_KEY": "django-insecure-short"}, WEAK_KEY),
        ({"ALLOWED_HOSTS": "*"}, WILDCARD),
        ({"ALLOWED_HOSTS": ""}, HOSTS),
        ({"SMS_URL": "file:///tmp/sms.jsonl"}, SMS),
        ({"SMS_URL": ""}, SMS),
        ({"CACHE_URL": ""}, REDIS),
        ({"SEALING_KEYS": "", "LOOKUP_KEYS": ""}, SEALS),
        ({"LOOKUP_KEYS": "a1:dG9vIHNob3J0"}, NO_KEY),
        ({"DATABASE_URL": "postgres://postgres:postgres@127.0.0.1/none"}, DATABASE),
    ],
    ids=lambda each: ",".join(each) if isinstance(each, dict) else "",
)
def test_the_start_refuses(changed, fault):
    done = deploy_check.run(**changed)
    assert done.returncode != 0
    assert fault in done.stderr


@pytest.mark.rule("CFG-01", "CFG-05")
@pytest.mark.parametrize("value", ["off", "False", "0", "no", "maybe", ""])
def test_whatever_is_not_clearly_on_is_off(value):
    code = "from etax import settings; print(settings.DEBUG, settings.SECURE, settings.SESSION_COOKIE_NAME)"
    done = in_production.run(["-c", code], DEBUG=value)
    assert done.stdout.split() == ["False", "True", "__Host-session"], done.stderr


@pytest.mark.rule("OTP-11")
def test_the_demo_command_refuses_where_debug_is_off():
    done = in_production.run(["manage.py", "demo"])
    assert done.returncode != 0
    assert "DEBUG is off" in done.stderr


@pytest.mark.rule("OTP-11", "CFG-05")
def test_the_demo_pages_have_no_address_where_debug_is_off():
    code = (
        "import django; django.setup(); from etax import urls; from django.urls import get_resolver;"
        "print(sorted(map(str, get_resolver().reverse_dict)), len(urls.urlpatterns))"
    )
    with_debug = in_production.run(["-c", code], DJANGO_SETTINGS_MODULE="etax.settings", DEBUG="on")
    without = in_production.run(["-c", code], DJANGO_SETTINGS_MODULE="etax.settings")
    assert "simulated_phone" in with_debug.stdout
    assert "social_insurance_stand_in" in with_debug.stdout
    assert "login" in without.stdout
    assert "simulated_phone" not in without.stdout
    assert "stand_in" not in without.stdout


@pytest.mark.rule("OTP-11")
def test_a_file_never_takes_messages_where_debug_is_off(settings, tmp_path):
    settings.DEBUG = False
    with pytest.raises(ImproperlyConfigured, match="DEBUG is off"):
        gateways.sender()


@pytest.mark.rule("OTP-11")
@pytest.mark.parametrize(
    "host",
    [
        "portal.example",
        "192.168.1.10:8000",
        "10.0.0.1",
        "0.0.0.0:8000",
        "localhost.evil.example",
        "evil-localhost",
        "sub.localhost",
        "127.0.0.1.nip.io",
        "127.0.0.2",
        "[::]",
        "[::ffff:127.0.0.1]",
    ],
)
def test_with_debug_on_a_foreign_host_is_refused(db, settings, host):
    settings.ALLOWED_HOSTS = embedded.LOOPBACK  # the test runner adds its own
    client = Client(raise_request_exception=False)
    for where in ("/login/", "/demo/phone/", "/", "/nowhere/"):
        answer = client.get(where, headers={"host": host})
        assert answer.status_code == 400, where
        assert b"199000" not in answer.content


@pytest.mark.rule("OTP-11")
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000"])
def test_with_debug_on_the_machines_own_names_are_answered(db, settings, host):
    settings.ALLOWED_HOSTS = embedded.LOOPBACK
    assert Client().get("/login/", headers={"host": host}).status_code == 200


@pytest.mark.rule("OTP-11")
def test_with_debug_on_no_setting_of_hosts_opens_the_portal_to_others():
    code = "from etax import settings; print(*settings.ALLOWED_HOSTS)"
    done = in_production.run(["-c", code], DEBUG="on", ALLOWED_HOSTS="*,portal.example")
    assert done.stdout.split() == embedded.LOOPBACK
    for name in embedded.LOOPBACK:
        found = {each[4][0] for each in socket.getaddrinfo(name.strip("[]"), None)}
        assert found <= {"127.0.0.1", "::1"}


@pytest.mark.rule("OTP-11")
@pytest.mark.parametrize(
    "where", [{"REMOTE_ADDR": "192.168.1.20"}, {"REMOTE_ADDR": ""}, {"REMOTE_ADDR": "::ffff:192.168.1.20"}], ids=str
)
def test_the_simulated_phone_is_shown_to_this_machine_alone(visitor, where):
    visitor.go_to_verify("HC", "钱思远")
    visitor.verify_by_sms("19900000006")
    assert "19900000006" in visitor.get("/demo/phone/").content.decode()
    answer = visitor.get("/demo/phone/", **where)
    assert answer.status_code == 404
    assert "19900000006" not in answer.content.decode()


@pytest.mark.rule("OTP-11", "CFG-04")
def test_nobody_reaches_the_simulated_phone_by_claiming_to_be_this_machine(visitor):
    headers = {"x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1", "forwarded": "for=127.0.0.1"}
    assert visitor.get("/demo/phone/", REMOTE_ADDR="192.168.1.20", headers=headers).status_code == 404


@pytest.mark.rule("OTP-11")
def test_every_page_of_the_embedded_default_carries_the_banner(visitor):
    visitor.sign_in_by_password("HC", "钱思远")
    for where in ("/", "/agreement/", "/account/sign-ins/", "/staff/operations/", "/demo/phone/", "/nowhere/"):
        assert "演示环境：所有人员、企业和号码均为虚构。" in visitor.get(where).content.decode(), where
    visitor.post("/logout/")
    for where in ("/login/", "/login/enterprise/quick/", "/nowhere/"):
        assert "演示环境：所有人员、企业和号码均为虚构。" in visitor.get(where).content.decode(), where


@pytest.mark.rule("CFG-01")
def test_the_embedded_default_makes_its_secrets_once_and_for_its_owner_alone(tmp_path):
    first, again = (embedded.secret(tmp_path / "var", "secret_key") for _ in range(2))
    assert first == again
    assert len(first) >= production.MIN_SECRET_LENGTH
    assert (tmp_path / "var" / "secret_key").stat().st_mode & 0o777 == 0o600
    assert embedded.keyring(tmp_path / "var", "one") != embedded.keyring(tmp_path / "var", "other")
    assert [path.name for path in (tmp_path / "var").iterdir() if path.name.startswith(".")] == []


@pytest.mark.rule("CFG-05")
@pytest.mark.parametrize(
    "where",
    [
        "/.git/HEAD",
        "/.env",
        "/manage.py",
        "/etax/settings.py",
        "/static/",
        "/static/css/",
        "/static/../etax/settings.py",
        "/static/%2e%2e/manage.py",
        "/var/db.sqlite3",
        "/db.sqlite3",
        "/admin/",
        "/__debug__/",
        "/server-status",
        "/robots.txt.bak",
        "/static/css/base.css.map",
        "/static/.htaccess",
        "/media/",
    ],
)
def test_nothing_but_the_portals_own_pages_is_served(visitor, where):
    answer = visitor.get(where)
    assert answer.status_code == 404
    assert portal.SECRET_KEY not in answer.content.decode()
    assert not re.search(r"Index of|urlpatterns", answer.content.decode())
