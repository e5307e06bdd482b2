"""A visitor: Django's test client with eyes for forms, pictures and the phone. No part of the portal is replaced."""

import json
import re
from html import unescape
from pathlib import Path

from django.http import HttpResponse
from django.test import Client, TestCase
from django.urls import reverse

from accounts import pictures
from accounts.models import Throttle
from tests import cast

_TOKEN = re.compile(r'name="captcha_token" value="([^"]+)"')
_MAIN = re.compile(r"<main.*</main>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_CARD = re.compile(r'name="person" value="([0-9a-f-]{36})"')


def words(response: HttpResponse) -> str:
    """What a person reads on the page, without tags, blanks squeezed."""
    text = _TAG.sub("", response.content.decode())
    return re.sub(r"\s+", " ", unescape(text))


class Visitor(Client):
    """One browser of one person."""

    def __init__(self, messages: Path, **kwargs) -> None:
        super().__init__(enforce_csrf_checks=False, **kwargs)
        self.messages = messages

    def request(self, **request):
        """As usual; what waits for the commit is done, as it would be after it."""
        with TestCase.captureOnCommitCallbacks(execute=True):
            return super().request(**request)

    def token(self, address: str) -> str:
        """The picture's token on the page at this address."""
        return unescape(_TOKEN.search(self.get(address).content.decode())[1])

    def post_with_picture(self, address: str, data: dict, **kwargs):
        """Open the page, read its picture, and send the form."""
        token = self.token(address)
        return self.post(address, {"captcha_token": token, "captcha": pictures.answer(token), **data}, **kwargs)

    def give_enterprise_password(self, key: str, **changed):
        """The first step of a 普通登录 for a firm of the demo world."""
        data = {"code": cast.taxpayer(key).code, "password": cast.ENTERPRISE_PASSWORDS[key], "agreement": "on"}
        return self.post_with_picture(reverse("login"), {**data, **changed})

    def choose(self, name: str):
        """Choose a person of the firm."""
        return self.post(reverse("staff:choose_person"), {"person": str(cast.person(name).uid)})

    def go_to_verify(self, key: str, name: str):
        """Both steps up to the page where the person is verified."""
        self.give_enterprise_password(key)
        return self.choose(name)

    def texts_to(self, phone: str) -> list[str]:
        """What this phone was sent, oldest first."""
        if not self.messages.exists():
            return []
        lines = [json.loads(line) for line in self.messages.read_text().splitlines()]
        return [line["text"] for line in lines if line["to"] == phone]

    def code_on(self, phone: str) -> str:
        """The newest code on this phone."""
        return re.search(r"\d{6}", self.texts_to(phone)[-1])[0]

    def verify_by_sms(self, phone: str):
        """Ask for a code and give it."""
        self.post(reverse("staff:send_code"))
        return self.post(reverse("staff:verify_by_sms"), {"code": self.code_on(phone)})

    def set_password(self, new: str):
        """Set the personal password that a first sign-in asks for."""
        return self.post(reverse("staff:set_password"), {"new_password": new, "confirm_password": new})

    def sign_in_by_password(self, key: str, name: str):
        """A whole 普通登录 with the personal password of the demo world."""
        self.go_to_verify(key, name)
        password = cast.PERSONAL_PASSWORDS[key, name]
        return self.post(reverse("staff:verify_by_password"), {"password": password})

    def sign_in_by_sms(self, key: str, name: str):
        """A whole 普通登录 with a code."""
        self.go_to_verify(key, name)
        return self.verify_by_sms(cast.person(name).phone)

    def sign_in_by_sms_later(self, key: str, name: str):
        """As `sign_in_by_sms`, a minute after another code went to the same phone."""
        Throttle.objects.filter(key__startswith="code_gap").delete()
        return self.sign_in_by_sms(key, name)
