"""Whatever is sent while acting for a client, to whatever address, no row of anybody changes (D23, AUZ-06)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actor import Actor
from accounts.models import SignIn
from agencies import acting
from agencies.middleware import ClientMiddleware
from agencies.models import ClientGroup, Engagement
from agencies.services import groups
from realname.models import Post
from staff.models import Identity, Membership
from tests import cast
from tests.agencies.acting import engagement, enter, today
from tests.etax.tables import rows
from tests.etax.test_routes import NAMES, address, leaves_of, undone
from tests.staff.acting import actor
from tests.visitor import Visitor

OWN = (
    "sessions.Session",
    "accounts.AuditEntry",
    "accounts.SignIn",  # his own: he may see and end them
    "accounts.Throttle",
    "accounts.UsedPicture",
    "accounts.SmsMessage",
    "accounts.SmsCode",
)
"""What he may change while acting: what is his own, and what counts his tries."""
WAYS_OUT = ("sign_out", "agencies:enter", "agencies:leave")
PLACES = [name for name in NAMES if name not in WAYS_OUT]
FIRMS = ("HC", "MH", "XD")
PASSWORD = "代办2026好天气啊"
_OF_FIRM = {"member": Membership, "identity": Identity}
_PATTERNS = dict(leaves_of(get_resolver()))


def ids() -> dict[str, list[Any]]:
    """Public ids of one thing of each kind of every firm: the client's, another's, the agency's own."""
    firms = [cast.taxpayer(key) for key in FIRMS]
    own = [engagement("HC"), engagement("MH"), engagement("HC", "HX")]
    found = {name: [model.objects.filter(taxpayer=each).first() for each in firms] for name, model in _OF_FIRM.items()}
    return {
        **{name: [each.uid for each in of_firms if each] for name, of_firms in found.items()},
        "person": [Post.objects.filter(taxpayer=each).first().person.uid for each in firms],
        "engagement": [each.uid for each in own],
        "group": list(ClientGroup.objects.values_list("uid", flat=True)),
        "taxpayer": [each.uid for each in firms],
        "agency": [cast.taxpayer(key).uid for key in ("XD", "HX")],
    }


def places_of(name: str, ids: dict[str, list[Any]], client: Client) -> Iterator[str]:
    """The address for whatever it can be asked about."""
    if "uid" not in _PATTERNS[name].pattern.converters or name.startswith(("bureau:", "realname:")):
        yield address(name, client)
        return
    what = "member" if name.startswith("staff:") else "engagement"
    if "identity" in name:
        what = "identity"
    elif "declaration" in name or name in ("staff:send_reset_code", "staff:leave_post", "staff:report_misuse"):
        what = "taxpayer"
    elif name in ("agencies:recognise", "agencies:review_recognition", "agencies:save_recognition"):
        what = "agency"
    elif "group" in name:
        what = "group"
    example = address(name, client)
    uid = next(part for part in example.split("/") if len(part) == 36)
    yield from (example.replace(uid, str(each)) for each in ids[what])


def forms_of(ids: dict[str, list[Any]]) -> dict[str, st.SearchStrategy[Any]]:
    """What may stand in the fields of the portal's forms: mostly what a page of that firm would send."""
    known = {name: st.sampled_from([str(each) for each in found] or [""]) for name, found in ids.items()}
    days = st.sampled_from([today().isoformat(), today(30).isoformat(), ""])
    return {
        "version": st.sampled_from(["1", "1", "2", "x"]),
        "identity_version": st.just("1"),
        "name": st.sampled_from(["新名称", "宋雨桐"]),
        "description": st.just("说明"),
        "functions": st.just(["tax.invoice.issue"]),
        "identity": known["identity"],
        "identities": st.lists(known["identity"], min_size=1, max_size=2),
        "is_manager": st.sampled_from(["on", ""]),
        "people": st.lists(known["person"], max_size=2),
        "person": known["person"],
        "member": known["member"],
        "taxpayer": known["taxpayer"],
        "group": known["group"] | st.just(""),
        "engagement": known["engagement"],
        "code": st.sampled_from([cast.CODES["YF"], cast.CODES["MH"], "000000"]),
        "note": st.just("原因"),
        "reason": st.just("原因"),
        "statement": st.just("我从未在该企业工作。"),
        "until": days,
        "valid_from": st.just(today().isoformat()),
        "valid_until": days,
        "old_password": st.just(cast.PERSONAL_PASSWORDS["XD", "邓丽娟"]),
        "new_password": st.just(PASSWORD),
        "confirm_password": st.just(PASSWORD),
        "confirm": st.just("on"),
        "show": st.just("on"),
    }


def send_everything(visitor: Visitor, ids: dict[str, list[Any]], form: dict[str, Any]) -> None:
    """Open every address, and send it the form for whatever it can be asked about."""
    for places in [list(places_of(name, ids, visitor)) for name in PLACES]:
        for where in places:
            assert visitor.post(where, form).status_code < 500, where
        assert visitor.get(where).status_code < 500, where


@pytest.fixture
def handler(visitor) -> Visitor:
    """邓丽娟 acts for 海川, proven by a code just now: no guard can hide behind the question for another."""
    lead = actor("XD", "冯天宇")
    groups.place(engagement("HC"), version=1, group=groups.add(name="一组", by=lead), by=lead)
    Engagement.objects.filter(pk=engagement("HC").pk).update(version=1)
    visitor.sign_in_by_sms("XD", "邓丽娟")
    enter(visitor, "HC")
    return visitor


@pytest.mark.rule("D23", "AUZ-06", "AUZ-04")
@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_sent_while_acting_no_row_of_anybody_changes(handler, data):
    known = ids()
    assert all(len(known[name]) == len(FIRMS) for name in ("member", "engagement", "identity"))
    form = data.draw(st.fixed_dictionaries(forms_of(known)))
    before = rows(OWN)
    with undone(handler):
        send_everything(handler, known, form)
        assert rows(OWN) == before  # nothing of the portal itself is lent that writes: the client's rows stay as well
        assert handler.session["client"] == str(engagement("HC").uid)
    assert SignIn.objects.filter(person=cast.person("邓丽娟"), ended_at=None).exists()


@pytest.mark.rule("D23", "AUZ-06")
def test_without_the_guards_the_same_sending_changes_rows(handler, monkeypatch):
    """The control of the test above: a portal without its four guards fails it."""
    completed = acting.completed
    monkeypatch.setattr(ClientMiddleware, "process_view", lambda *_args: None)
    monkeypatch.setattr(Actor, "is_acting", property(lambda _actor: False))  # asked by views and by services
    monkeypatch.setattr(acting, "completed", lambda *args: replace(completed(*args), is_lead=True, is_manager=True))
    handler.handler.load_middleware()  # which remembers the methods it found
    known = ids()
    form = {
        "version": "1",
        "identity_version": "1",
        "name": "新名称",
        "functions": ["tax.invoice.issue"],
        "reason": "无",
    }
    before = rows(OWN)
    with undone(handler):
        send_everything(handler, known, form)
        assert rows(OWN) != before
