"""Keys that change and bytes that were changed: F25, F26."""

import base64
import secrets
from pathlib import Path

import pytest
from django.test import override_settings

from tests.faults.test_workers import collect
from tests.realname import cards

pytestmark = pytest.mark.fault


def fresh_key(name: str) -> str:
    """A new entry of a keyring."""
    return f"{name}:{base64.b64encode(secrets.token_bytes(32)).decode()}"


@pytest.mark.rule("F25", "CRY-01", "REL-01")
@pytest.mark.fault("F25", "a session lives on by the fallback, or is cleanly signed out; sealed fields stay readable")
def test_rotated_keys_sign_nobody_out_by_a_fault_and_lose_nothing(portal, seen):
    inside, told = portal.browser(), {}
    assert inside.sign_in_by_password("钱思远").location == "/"
    old, new = portal.env["SECRET_KEY"], secrets.token_urlsafe(64)
    seals, lookups = portal.env["SEALING_KEYS"], portal.env["LOOKUP_KEYS"]
    both = {"SEALING_KEYS": f"{fresh_key('n1')},{seals}", "LOOKUP_KEYS": f"{fresh_key('n2')},{lookups}"}

    portal.env |= {"SECRET_KEY": new, "SECRET_KEY_FALLBACKS": old, **both}
    portal.restart()
    told["with the old key as fallback"] = inside.get("/").status
    told["his phone"] = "199****0006" in inside.get("/account/profile/").words
    with override_settings(SECRET_KEY=new):
        told["sign-in by SMS"] = portal.browser().sign_in_by_sms("林若兰", portal.gateway).location
        told["rows sealed anew"] = portal.manage("rotate_keys").strip().splitlines()[-1]
        portal.env["SECRET_KEY_FALLBACKS"] = ""
        portal.env |= {name: value.partition(",")[0] for name, value in both.items()}
        portal.restart()
        without = inside.get("/")
        told["without it"] = f"{without.status} {without.location.partition('?')[0]}"
        later = portal.browser()
        told["sign-in with the new keys alone"] = later.sign_in_by_sms("孙雅静", portal.gateway).location
        told["her phone"] = "199****0003" in later.get("/account/profile/").words
    seen(**{name.replace(" ", "_"): value for name, value in told.items()})
    assert told["with the old key as fallback"] == 200
    assert told["his phone"] is told["her phone"] is True
    assert told["sign-in by SMS"] == told["sign-in with the new keys alone"] == "/"
    assert told["without it"] == "302 /login/"
    assert "Traceback" not in portal.log


def flipped(text: str, place: int) -> str:
    """The text with one character changed."""
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


def tamper_with_cookies(portal) -> set[int]:
    """Every cookie of a signed-in browser changed at many places: the statuses of the home page and the door."""
    statuses = set()
    inside = portal.browser()
    assert inside.sign_in_by_password("钱思远").location == "/"
    for name, value in list(inside.cookies.items()):
        for changed in (
            *(flipped(value, place) for place in range(0, len(value), 7)),
            "",
            "=",
            value * 40,
            "%00",
            "a.b",
        ):
            other = portal.browser()
            other.cookies = {**inside.cookies, name: changed}
            statuses |= {other.get("/").status, other.get("/login/").status}
    return statuses


def tamper_with_sessions(portal) -> set[int]:
    """The session's row with other data: the statuses of the home page."""
    statuses = set()
    for data in ("", "nonsense", "e30:1:2", "\\x00"):
        inside = portal.browser()
        inside.sign_in_by_password("林若兰")
        portal.sql("UPDATE django_session SET session_data = %s", data)
        statuses.add(inside.get("/").status)
    return statuses


def tamper_with_picture(portal) -> list[int]:
    """A byte of a picture's file flipped, then the file gone: what its owner gets each time."""
    owner = portal.browser()
    collect(portal, owner)
    for side in ("card/front", "card/back"):
        assert owner.send_file(f"/realname/{side}/", "photo", cards.jpeg()).status == 302
    assert owner.post("/realname/details/", {"valid_until": "2039-05-01"}).status == 302
    assert owner.send_file("/realname/face/", "photo", cards.jpeg()).status == 302
    uid, name = portal.sql("SELECT uid, name FROM realname_photo WHERE kind = 'front'")[0]
    officer = portal.officer()
    address, file = f"/realname/photos/{uid}/", Path(portal.env["PHOTO_ROOT"]) / name
    statuses, content = [officer.get(address).status], bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    statuses.append(officer.get(address).status)
    file.unlink()
    statuses.append(officer.get(address).status)
    return statuses


def tamper_with_record(portal) -> tuple[str, int]:
    """One entry of the sealed record changed by the database's owner: what `verify_record` says, and which it was."""
    lift = "ALTER TABLE accounts_auditentry DISABLE TRIGGER USER"
    owner = {"DATABASE_URL": portal.cluster.url(portal.database)}
    portal.sql(lift)
    portal.sql("UPDATE accounts_auditentry SET at = at - interval '1 hour'")
    portal.manage("seal_record", **owner)
    seq = int(portal.scalar("SELECT seq FROM accounts_auditentry ORDER BY seq LIMIT 1 OFFSET 3"))
    portal.sql("UPDATE accounts_auditentry SET reason = 'changed' WHERE seq = %s", seq)
    try:
        said = portal.manage("verify_record", **owner)
    except AssertionError as error:  # it ends with an error, as it should
        said = str(error)
    return said, seq


@pytest.mark.rule("F26", "LOG-03", "FIL-04", "REL-01")
@pytest.mark.fault("F26", "refused or flagged, never 500; the record's check names the row")
def test_what_was_tampered_with_is_refused_or_named_and_breaks_nothing(bureau, seen):
    with bureau.open(BUREAU_HOSTS="portal.example") as portal:
        cookies, sessions = tamper_with_cookies(portal), tamper_with_sessions(portal)
        pictures = tamper_with_picture(portal)
        said, seq = tamper_with_record(portal)
        seen(cookies=sorted(cookies), sessions=sorted(sessions), picture=pictures, record=f"entry {seq} named")
        assert cookies <= {200, 302, 400, 403}
        assert sessions == {302}
        assert pictures == [200, 404, 404]
        assert str(seq) in said
        assert "changed" in said
