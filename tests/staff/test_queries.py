"""How many queries each request of a sign-in costs: counts that mustn't creep up."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import pictures
from tests import cast


def test_show(visitor):
    def ask(label, call):
        with CaptureQueriesContext(
            connection,
        ) as q:
            r = call()
        print("==", label, len(q), r.status_code)
        for each in q.captured_queries:
            print("   ", each["sql"][:150])
        return r

    token = ask("GET login", lambda: visitor.get(reverse("login")))
    import re

    t = re.search(r'name="captcha_token" value="([^"]+)"', token.content.decode())[1]
    data = {
        "code": cast.taxpayer("HC").code,
        "password": cast.ENTERPRISE_PASSWORDS["HC"],
        "agreement": "on",
        "captcha_token": t,
        "captcha": pictures.answer(t),
    }
    ask("POST login", lambda: visitor.post(reverse("login"), data))
    ask("GET choose", lambda: visitor.get(reverse("staff:choose_person")))
    ask("POST choose", lambda: visitor.post(reverse("staff:choose_person"), {"person": str(cast.person("钱思远").uid)}))
    ask("GET sms", lambda: visitor.get(reverse("staff:verify_by_sms")))
    ask("POST send", lambda: visitor.post(reverse("staff:send_code")))
    ask("GET sms", lambda: visitor.get(reverse("staff:verify_by_sms")))
    ask("POST sms", lambda: visitor.post(reverse("staff:verify_by_sms"), {"code": visitor.code_on("19900000006")}))
    ask("GET home", lambda: visitor.get(reverse("home")))
