"""README's pictures: `python -m tests.browser.pictures` serves the demo world on a free port and takes them.

Everybody and everything on them is made up; numbers and the names of others are masked as on every page.
"""

import io
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import django
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "docs" / "pictures"
LARGEST = 150_000
SIZES = {"wide": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}


def free_port() -> int:
    """A port on the loopback address that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def manage(*words: str) -> list[str]:
    """The words of a management command."""
    return [sys.executable, str(ROOT / "manage.py"), *words]


@contextmanager
def portal() -> Iterator[str]:
    """The portal with the demo world, as a newcomer starts it; its address."""
    port = free_port()
    for words in (("migrate", "--verbosity", "0"), ("demo",)):
        subprocess.run(manage(*words), check=True, stdout=subprocess.DEVNULL)
    server = subprocess.Popen(
        manage("runserver", "--noreload", f"127.0.0.1:{port}"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def wait_for(address: str) -> None:
    """Until the portal answers, at most half a minute."""
    for _ in range(120):
        try:
            urlopen(f"{address}/agreement/").close()
        except URLError:
            time.sleep(0.25)
        else:
            return
    raise SystemExit("The portal doesn't answer.")


def small(picture: bytes) -> bytes:
    """The same picture in few colours, as small as it gets."""
    for colours in (192, 128, 64):
        made = io.BytesIO()
        image = Image.open(io.BytesIO(picture)).convert("RGB")
        image.quantize(colours, dither=Image.Dither.NONE).save(made, "PNG", optimize=True)
        if made.tell() <= LARGEST:
            break
    return made.getvalue()


def take(name: str, person, screen: str) -> None:
    """Put the page as it stands into docs/pictures/."""
    person.page.evaluate("document.activeElement && document.activeElement.blur()")
    person.page.evaluate("window.scrollTo(0, 0)")
    place = PLACE / f"{name}-{screen}.png"
    place.write_bytes(small(person.page.screenshot()))
    sys.stdout.write(f"{place.relative_to(ROOT)}  {place.stat().st_size // 1024} kB\n")


def walk(person, screen: str) -> None:
    """The pages, as a lead of 沈阳海川 comes to them."""
    from accounts.models import Throttle
    from tests import cast

    Throttle.objects.filter(key__startswith="code_gap").delete()
    person.go("/login/")
    take("login", person, screen)
    person.give_enterprise_password("HC")
    take("choose", person, screen)
    person.press("钱*远")
    person.give_code(cast.PHONES["钱思远"])
    person.page.get_by_text("需要处理").wait_for()
    take("home", person, screen)
    for name, path in (("members", "/staff/"), ("identities", "/staff/identities/"), ("help", "/help/why-not/")):
        person.go(path)
        take(name, person, screen)


def main() -> None:
    """Take them all anew."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "etax.settings", "DJANGO_ALLOW_ASYNC_UNSAFE": "1"}
        for name in ("DATABASE_URL", "CACHE_URL", "SMS_URL"):
            os.environ.pop(name, None)
        django.setup()
        PLACE.mkdir(parents=True, exist_ok=True)
        with portal() as address:
            _in_browser(lambda page, screen: _walk(page, screen, address, Path(folder)))


def _walk(page, screen: str, address: str, folder: Path) -> None:
    from tests.browser.conftest import Person

    person = Person(page, address, folder)
    walk(person, screen)
    if person.complaints:
        raise SystemExit("\n".join(person.complaints))


def _in_browser(act: Callable) -> None:
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import CHROMIUM

    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for screen, size in SIZES.items():
            context = browser.new_context(viewport=size, locale="zh-CN", color_scheme="light", reduced_motion="reduce")
            act(context.new_page(), screen)
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
