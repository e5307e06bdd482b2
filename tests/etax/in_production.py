"""A portal with the settings of a real bureau, in a process of its own: `python -m tests.etax.in_production`."""

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from tests import deploy_check

HOST = "portal.example"


def run(code: list[str], **changed: str) -> subprocess.CompletedProcess[str]:
    """What a command of ours does under a complete production environment, with some settings changed."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(deploy_check.ROOT)}
        env |= {**deploy_check.environment(folder), **changed}
        return subprocess.run(
            [sys.executable, *code], cwd=deploy_check.ROOT, env=env, capture_output=True, text=True, check=False
        )


def answers() -> dict[str, Any]:
    """What `main` found out."""
    done = run(["-m", "tests.etax.in_production"])
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _told(response: Any) -> dict[str, Any]:
    cookies = {name: {k: v for k, v in c.items() if v} for name, c in response.cookies.items()}
    body = b"".join(response.streaming_content) if response.streaming else response.content
    text = "" if response.streaming else body.decode(errors="replace")
    return {"status": response.status_code, "headers": dict(response.headers), "cookies": cookies, "text": text}


def main() -> None:
    """Set up an empty portal, load the made-up world into it by hand, sign in, and print every answer as JSON."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "etax.settings"
    import django

    django.setup()
    from django.core.management import call_command
    from django.templatetags.static import static
    from django.test import Client

    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    from etax import demo

    demo.load()
    ask = Client(raise_request_exception=False, SERVER_NAME=HOST)
    told = {
        "page": _told(ask.get("/login/", secure=True)),
        "without https": _told(ask.get("/login/")),
        "missing page": _told(ask.get("/nowhere/", secure=True)),
        "demo page": _told(ask.get("/demo/phone/", secure=True)),
        "demo stand-in": _told(ask.get("/demo/social-insurance/", secure=True)),
        "wrong method": _told(ask.get("/logout/", secure=True)),
        "foreign host": _told(ask.get("/login/", secure=True, headers={"host": "evil.example"})),
        "foreign host without https": _told(ask.get("/login/", headers={"host": "evil.example"})),
        "static file": _told(ask.get(static("css/base.css"), secure=True)),
    }
    cookies = _sign_in(ask)
    told["sign-in"] = {"cookies": cookies}
    told["home"] = _told(ask.get("/", secure=True))
    sys.stdout.write(json.dumps(told, ensure_ascii=False))


def _sign_in(ask: Any) -> dict[str, dict[str, Any]]:
    """A 普通登录 by password; the cookies that it leaves in the browser."""
    from accounts import pictures
    from tests import cast

    token = ask.get("/picture/new/ordinary-login/", secure=True).json()["token"]
    first = {"code": cast.CODES["HC"], "password": cast.ENTERPRISE_PASSWORDS["HC"], "agreement": "on"}
    picture = {"captcha_token": token, "captcha": pictures.answer(token)}
    assert ask.post("/login/", first | picture, secure=True).status_code == 302
    ask.post("/login/enterprise/person/", {"person": str(cast.person("钱思远").uid)}, secure=True)
    last = {"password": cast.PERSONAL_PASSWORDS["HC", "钱思远"]}
    assert ask.post("/login/enterprise/password/", last, secure=True).headers["Location"] == "/"
    return {name: {k: v for k, v in cookie.items() if v} for name, cookie in ask.cookies.items()}


if __name__ == "__main__":
    main()
