"""A real Chromium, Debian's own, and a person who uses it."""

import os
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page

from accounts import pictures
from tests import cast
from tests.visitor import Visitor

CHROMIUM = shutil.which("chromium")
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None and not os.environ.get("TEST_EXPECTS_BROWSER"):
                item.add_marker(pytest.mark.skip(reason="there is no Chromium here: `make browsers` installs it"))


@pytest.fixture(scope="session", autouse=True)
def _database_calls_beside_the_browsers_loop():
    """Playwright keeps an event loop in this thread; Django would take our own queries for calls inside it."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Debian's Chromium, which calls nobody but us."""
    quiet = ("no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking")
    more = ("disable-component-update", "disable-sync")
    args = [f"--{word}" for word in (*quiet, *more)]
    return {**browser_type_launch_args, "executable_path": CHROMIUM or "/usr/bin/chromium", "args": args}


class Person:
    """Somebody at a browser, with his phone beside it. Complains of console messages and sideways scrolling."""

    def __init__(self, page: Page, address: str, folder: Path) -> None:
        self.page, self.address = page, address
        self.phone = Visitor(folder / "sms.jsonl")
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message) -> None:
        refused = "Failed to load resource" in message.text and "status of 4" in message.text
        if message.type in ("error", "warning") and not refused:
            self.complaints.append(message.text)

    def go(self, path: str) -> None:
        """Open an address of the portal."""
        self.page.goto(self.address + path)

    def press(self, label: str) -> None:
        """Press a button or follow a link by its words."""
        exactly = self.page.get_by_role("button", name=label, exact=True)
        part = re.compile(re.escape(label))
        either = self.page.get_by_role("button", name=part).or_(self.page.get_by_role("link", name=part))
        (exactly if exactly.count() else either).first.click()

    def type(self, label: str, text: str) -> None:
        """Type into the field with this label."""
        self.page.get_by_label(label, exact=True).fill(text)

    def sees(self, words: str) -> bool:
        """Whether these words stand on the page within five seconds; it must not scroll sideways."""
        for _ in range(50):
            if words in self.page.inner_text("body"):
                break
            self.page.wait_for_timeout(100)
        scroll = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        if self.page.evaluate(scroll):
            self.complaints.append(f"{self.page.url} scrolls sideways")
        return words in self.page.inner_text("body")

    def waits_until(self, script: str, arg: object = None) -> bool:
        """Whether this is true of the page within ten seconds.

        Asked anew from here: what the driver leaves in the page to ask again, the page's own policy forbids.
        """
        for _ in range(100):
            if self.page.evaluate(script, arg):
                return True
            self.page.wait_for_timeout(100)
        return False

    def give_enterprise_password(self, key: str) -> None:
        """The first page of a 普通登录, read from the picture as the support desk would."""
        self.go("/login/")
        self.fill_enterprise_password(key)
        self.page.get_by_label("同意协议").check()
        self.press("登录")

    def fill_enterprise_password(self, key: str) -> None:
        """Number, password and picture code of a firm."""
        self.type("纳税人识别号", cast.CODES[key])
        self.type("企业密码", cast.ENTERPRISE_PASSWORDS[key])
        self.type("验证码", pictures.answer(self.page.locator("[name=captcha_token]").input_value()))

    def give_code(self, number: str) -> None:
        """Ask for a code, read it from the phone and give it."""
        self.press("获取验证码")
        self.page.get_by_text("验证码已发送").wait_for()
        self.type("短信验证码", self.phone.code_on(number))
        self.press("确定")


@pytest.fixture(params=[WIDE, PHONE], ids=["wide", "phone"])
def screen(request):
    """Every story is walked on a wide screen and on a phone."""
    return request.param


@pytest.fixture
def runs_scripts():
    """Whether the person's browser runs JavaScript."""
    return True


@pytest.fixture
def someone(committed_world, live_server, browser, screen, runs_scripts, own_folder):
    """A person at a browser; at the end he must have had nothing to complain of."""
    context = browser.new_context(viewport=screen, locale="zh-CN", java_script_enabled=runs_scripts)
    person = Person(context.new_page(), live_server.url, own_folder)
    yield person
    context.close()
    assert person.complaints == []


@pytest.fixture
def somebody_else(committed_world, live_server, browser, screen, own_folder):
    """Another person at another browser."""
    context = browser.new_context(viewport=screen, locale="zh-CN")
    person = Person(context.new_page(), live_server.url, own_folder)
    yield person
    context.close()
    assert person.complaints == []
