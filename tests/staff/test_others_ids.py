"""Whatever address of 企业人员维护 carries an id: another taxpayer's is like one that nobody has (AUZ-02 to AUZ-04)."""

from uuid import UUID, uuid4

import pytest
from django.urls import URLPattern, reverse

from accounts.audit import Kind
from accounts.models import AuditEntry
from staff import urls
from tests import cast
from tests.etax.tables import rows
from tests.staff.acting import without_tokens

BUT = ("accounts.AuditEntry", "accounts.SignIn.seen_at", "sessions.Session")  # what every click writes
ONLY_LOOKED_AT = {"member", "identity", "change", "change_scan"}
OTHERS = "MH"


def kind_of(name: str) -> str:
    """Whose id the address carries."""
    return "identity" if "identity" in name else "membership"


WITH_ID = sorted(
    str(each.name)
    for each in urls.urlpatterns
    if isinstance(each, URLPattern) and str(each.pattern).startswith("staff/") and "<uuid:" in str(each.pattern)
)


def of(key: str, kind: str) -> UUID:
    """A clerk's membership, or an identity, of this firm."""
    firm = cast.taxpayer(key)
    return firm.identities.earliest("pk").uid if kind == "identity" else firm.memberships.latest("pk").uid


@pytest.fixture
def lead(visitor):
    """钱思远, signed in by SMS: no code is asked for."""
    visitor.sign_in_by_sms("HC", "钱思远")
    return visitor


def body_naming(key: str) -> dict[str, str | list[str]]:
    """All that a form might be thought to take, of this firm."""
    member, identity = str(of(key, "membership")), str(of(key, "identity"))
    state = {"is_manager": "on", "frozen_at": "2026-01-01", "bound_at": "", "removed_at": "", "role": "legal_rep"}
    ids = {"uid": member, "pk": "1", "member": member, "membership": member, "identity": identity}
    return {
        **state,
        **ids,
        "taxpayer": str(cast.taxpayer(key).uid),
        "version": "1",
        "name": "甲",
        "identities": [identity],
    }


def test_the_table_is_not_empty():
    assert {"remove", "freeze", "reset_password", "save_identity", "delete_identity", "show_phone"} <= set(WITH_ID)


@pytest.mark.rule("AUZ-02", "AUZ-03", "AUZ-04", "D28")
@pytest.mark.parametrize("name", WITH_ID)
def test_anothers_id_in_the_path_alone_or_in_the_body_too_is_404_like_nobodys(lead, name):
    where = {
        "theirs": reverse(f"staff:{name}", args=[of(OTHERS, kind_of(name))]),
        "nobodys": reverse(f"staff:{name}", args=[uuid4()]),
    }
    ask = lead.get if name in ONLY_LOOKED_AT else lead.post
    before, marks = rows(BUT), {}
    for body in ({}, body_naming("HC"), body_naming(OTHERS)):
        for whose, address in where.items():
            earlier = AuditEntry.objects.filter(kind=Kind.NOT_FOUND).count()
            answer = ask(address, body)
            assert answer.status_code == 404, whose
            assert AuditEntry.objects.filter(kind=Kind.NOT_FOUND).count() == earlier + 1, whose
            marks[whose] = without_tokens(answer)
        assert marks["theirs"] == marks["nobodys"]
    entry = AuditEntry.objects.order_by("-seq")[0]
    assert (entry.person, entry.taxpayer, entry.reason) == (cast.person("钱思远"), cast.taxpayer("HC"), "not_yours")
    assert rows(BUT) == before


@pytest.mark.rule("AUZ-02", "AUZ-03", "AUZ-04")
@pytest.mark.parametrize("name", WITH_ID)
def test_anothers_ids_in_the_body_alone_touch_nothing_of_theirs(lead, name):
    theirs = cast.taxpayer(OTHERS)

    def their_rows() -> list[object]:
        members = [list(theirs.memberships.order_by("pk").values()), list(theirs.identities.order_by("pk").values())]
        return [*members, [list(each.identities.values_list("pk", flat=True)) for each in theirs.memberships.all()]]

    before, foreign = their_rows(), theirs.identities.earliest("pk")
    answer = lead.post(reverse(f"staff:{name}", args=[of("HC", kind_of(name))]), body_naming(OTHERS))
    assert answer.status_code < 500
    assert their_rows() == before
    assert not foreign.memberships.filter(taxpayer=cast.taxpayer("HC")).exists()
    assert not cast.taxpayer("HC").memberships.filter(is_manager=True).exclude(person__name="郑海涛").exists()
