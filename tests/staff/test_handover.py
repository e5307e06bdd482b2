"""纯社保户: straight to the 社保费征收系统 with a ticket of one use (M37, M38, D17)."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, SignIn
from accounts.models.record import Kind
from staff.models import HandoverTicket
from tests import cast
from tests.visitor import words


@pytest.mark.rule("M37", "M38", "M39", "D17")
def test_number_and_password_lead_straight_to_the_neighbouring_system_without_any_sms(visitor):
    answer = visitor.give_enterprise_password("CG")
    assert answer.url.startswith(reverse("social_insurance_stand_in"))
    assert "沈阳晨光幼儿园（52210106MJ0CG0040L）已进入社保费征收系统" in words(visitor.get(answer.url))
    assert not SignIn.objects.exists()
    assert visitor.get("/").url.startswith(reverse("login"))
    assert not visitor.messages.exists()
    kinds = AuditEntry.objects.filter(taxpayer=cast.taxpayer("CG")).order_by("seq").values_list("kind", flat=True)
    assert list(kinds) == [Kind.ENTERPRISE_PASSWORD, Kind.HANDED_OVER, Kind.TICKET_REDEEMED]


@pytest.mark.rule("D17")
def test_a_ticket_opens_once(visitor):
    address = visitor.give_enterprise_password("CG").url
    assert visitor.get(address).status_code == 200
    answer = visitor.get(address)
    assert answer.status_code == 400
    assert "凭据无效、已使用或已超过60秒" in words(answer)


@pytest.mark.rule("D17")
def test_a_ticket_lives_sixty_seconds(visitor):
    address = visitor.give_enterprise_password("CG").url
    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=False):
        assert visitor.get(address).status_code == 400


@pytest.mark.rule("D17")
@pytest.mark.parametrize("ticket", ["", "x", "InNvIGVpbiBUaWNrZXQi:1xVRQa:abcdefghijkl", "\x00", "9" * 5000])
def test_a_forged_ticket_opens_nothing(visitor, ticket):
    assert visitor.get(reverse("social_insurance_stand_in"), {"ticket": ticket}).status_code == 400


@pytest.mark.rule("D17", "CRY-03")
def test_the_neighbouring_system_learns_whom_a_ticket_stands_for_with_its_secret_only(visitor, settings):
    settings.SOCIAL_INSURANCE_SECRET = "a secret that both systems share"
    settings.SOCIAL_INSURANCE_URL = "https://insurance.example/enter"
    address = visitor.give_enterprise_password("CG").url
    assert address.startswith("https://insurance.example/enter?ticket=")
    ticket = address.partition("ticket=")[2].replace("%3A", ":")

    def redeem(secret: str):
        headers = {"Authorization": f"Bearer {secret}"}
        return visitor.post(reverse("redeem_ticket"), {"ticket": ticket}, headers=headers)

    assert redeem("guessed").status_code == 401
    assert redeem("a secret that both systems share").json()["code"] == "52210106MJ0CG0040L"
    assert redeem("a secret that both systems share").status_code == 410


@pytest.mark.rule("D17")
def test_without_a_shared_secret_nobody_can_redeem(visitor):
    answer = visitor.post(reverse("redeem_ticket"), {"ticket": "x"}, headers={"Authorization": "Bearer "})
    assert answer.status_code == 401


@pytest.mark.rule("D17")
def test_the_ticket_is_kept_as_a_hash(visitor):
    address = visitor.give_enterprise_password("CG").url
    assert HandoverTicket.objects.get().nonce_hash not in address
