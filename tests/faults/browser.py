"""A browser over real sockets: cookies, hidden fields, pictures solved, forms sent as a person sends them."""

import http.client
import re
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlencode

from accounts import pictures
from tests import cast

_HIDDEN = re.compile(r'<input type="hidden"\s+name="([^"]+)"\s+value="([^"]*)"')
_MAIN = re.compile(r"<main.*</main>", re.DOTALL)
_TAG, _SPACE = re.compile(r"<script.*?</script>|<[^>]+>", re.DOTALL), re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and after how long."""

    status: int
    headers: dict[str, str]
    text: str
    seconds: float
    path: str

    @property
    def location(self) -> str:
        """Where it leads."""
        return self.headers.get("location", "")

    @property
    def is_done(self) -> bool:
        """Whether what the form asked for was done: the next page, or where it is."""
        return self.status in (200, 302)

    @property
    def request_id(self) -> str:
        """The request's number, which the record carries as well."""
        return self.headers.get("x-request-id", "")

    @property
    def words(self) -> str:
        """What a person reads."""
        return _SPACE.sub(" ", unescape(_TAG.sub(" ", self.text)))

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden fields of the forms in the page's middle; where there are none, of those around it."""
        main = _MAIN.search(self.text)
        fields = _HIDDEN.findall(main[0] if main else "") or _HIDDEN.findall(self.text)
        return {name: unescape(value) for name, value in fields}

    def is_friendly_503(self) -> bool:
        """503 in the portal's own style, with Retry-After and without any of its insides."""
        insides = ("Traceback", "psycopg", "OperationalError", "django", "File &quot;")
        mine = "系统" in self.text and not any(word in self.text for word in insides)
        return self.status == 503 and self.headers.get("retry-after", "").isdigit() and mine


class NoAnswer(Exception):
    """The connection broke, or nothing came in time: whether it was done is not known."""


@dataclass(slots=True)
class Browser:
    """One browser of one person, behind the bureau's proxy that says https and from where."""

    port: int
    host: str
    address: str
    timeout: float = 60
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: bytes | None = None, content_type: str = "") -> Answer:
        """One request on a connection of its own. Raises `NoAnswer`."""
        headers = {"Host": self.host, "X-Forwarded-For": self.address, "X-Forwarded-Proto": "https"}
        headers |= {"Connection": "close", "Referer": f"https://{self.host}{path}"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            headers["Content-Type"] = content_type or "application/x-www-form-urlencoded"
        begun = time.monotonic()
        connection = self.connection()
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"{method} {path}: {type(error).__name__}") from error
        finally:
            connection.close()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                self._keep(value)
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, content.decode(errors="replace"), time.monotonic() - begun, path)

    def connection(self) -> http.client.HTTPConnection:
        """A connection to the portal, opened by its first request."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)

    def _keep(self, cookie: str) -> None:
        name, _, value = cookie.partition(";")[0].partition("=")
        if value in ("", '""'):
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value

    def get(self, path: str) -> Answer:
        """A page."""
        return self.ask("GET", path)

    def try_get(self, path: str) -> int:
        """The status of a page; 0 where no answer came."""
        with suppress(NoAnswer):
            return self.get(path).status
        return 0

    def post(self, path: str, data: dict[str, object], *, page: Answer | None = None) -> Answer:
        """A form with the hidden fields of the page that it stood on; without one, that page is opened first."""
        shown = page or self.get(path)
        hidden = {name: value for name, value in shown.hidden.items() if name not in data}
        return self.ask("POST", path, urlencode({**hidden, **data}, doseq=True).encode())

    def post_with_picture(self, path: str, data: dict[str, object]) -> Answer:
        """A form with its picture code, solved."""
        shown = self.get(path)
        if "captcha_token" not in shown.hidden:
            return shown  # the page itself was refused
        captcha = pictures.answer(shown.hidden["captcha_token"])
        return self.post(path, {"captcha": captcha, **data}, page=shown)

    def send_file(self, path: str, name: str, content: bytes, *, page: Answer | None = None) -> Answer:
        """A form with one file, as browsers send them."""
        shown, boundary = page or self.get(path), secrets.token_hex(16)
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
            for key, value in shown.hidden.items()
        ]
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="p.jpg"\r\n'
        file = head.encode() + b"Content-Type: image/jpeg\r\n\r\n" + content
        body = b"".join(parts) + file + f"\r\n--{boundary}--\r\n".encode()
        return self.ask("POST", path, body, f"multipart/form-data; boundary={boundary}")

    # --- Whole ways ---------------------------------------------------------------------------------------------------

    def give_enterprise_password(self, key: str = "HC", password: str = "") -> Answer:
        """The first step of a 普通登录."""
        given = password or cast.ENTERPRISE_PASSWORDS[key]
        return self.post_with_picture("/login/", {"code": cast.CODES[key], "password": given, "agreement": "on"})

    def choose(self, name: str) -> Answer:
        """The person of this name, found as one finds oneself among many."""
        page = self.get("/login/enterprise/person/?" + urlencode({"name": name}))
        found = re.search(r'class="person"\s+name="person"\s+value="([0-9a-f-]{36})"', page.text)
        return self.post("/login/enterprise/person/", {"person": found[1]}, page=page) if found else page

    def go_to_verify(self, name: str, key: str = "HC") -> Answer:
        """Up to the page where the person is verified."""
        first = self.give_enterprise_password(key)
        return self.choose(name) if first.status == 302 else first

    def sign_in_by_password(self, name: str, key: str = "HC") -> Answer:
        """A whole 普通登录 by personal password; the last answer leads home where it went well."""
        chosen = self.go_to_verify(name, key)
        if chosen.status != 302:
            return chosen
        return self.post("/login/enterprise/password/", {"password": cast.PERSONAL_PASSWORDS[key, name]})

    def ask_for_code(self) -> Answer:
        """获取验证码."""
        return self.post("/login/enterprise/sms/send/", {}, page=self.get("/login/enterprise/sms/"))

    def sign_in_by_sms(self, name: str, gateway, key: str = "HC") -> Answer:
        """A whole 普通登录 with a code; the last answer leads home where it went well."""
        phone = cast.PHONES[name]
        had, chosen = len(gateway.lines(phone)), self.go_to_verify(name, key)
        if chosen.status != 302:
            return chosen
        sent = self.ask_for_code()
        if not sent.is_done:
            return sent
        return self.post("/login/enterprise/sms/", {"code": gateway.code(phone, after=had)})

    @property
    def is_in(self) -> bool:
        """Whether the home page is his."""
        return self.get("/").status == 200
