"""Visitors of the load benchmark: asynchronous browsers that sign in as people do, and note how long it took."""

import asyncio
import re
import secrets
import time
from collections import defaultdict
from html import unescape
from typing import Any

import aiohttp
from aiohttp import web
from load_world import ENTERPRISE, PERSONAL, Actor

_HIDDEN = re.compile(r'<input type="hidden"\s+name="([^"]+)"\s+value="([^"]*)"')
_CODE = re.compile(r"\d{6}")


class WrongAnswer(Exception):
    """The server answered something else than a person would have got."""


class Phones:
    """The stand-in of the SMS gateway: what it takes, the visitors read."""

    def __init__(self) -> None:
        self._codes: dict[str, asyncio.Queue[str]] = defaultdict(asyncio.Queue)

    async def take(self, request: web.Request) -> web.Response:
        """One message; one without a code tells of a new browser."""
        code = _CODE.search(request.query["text"])
        if code is not None:
            self._codes[request.query["to"]].put_nowait(code[0])
        return web.Response(status=202, text="0:")

    async def code(self, phone: str) -> str:
        """The next code that comes to this phone."""
        return await asyncio.wait_for(self._codes[phone].get(), 30)

    async def listen(self, port: int) -> web.AppRunner:
        """Begin to take messages."""
        app = web.Application()
        app.router.add_get("/send", self.take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return runner


class Timings:
    """Seconds by the name of the request, and how often each status came."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.statuses: dict[int, int] = defaultdict(int)
        self.unexplained = 0

    @property
    def requests(self) -> int:
        """How many answers came."""
        return sum(self.statuses.values())


_KNOWN: dict[tuple[int, str], str] = {}
"""The mark of a browser that somebody has used before, by port and person: people come back with their own."""


class Visitor:
    """One browser at an address of its own."""

    def __init__(self, http: aiohttp.ClientSession, port: int, timings: Timings) -> None:
        self.http, self.port, self.timings = http, port, timings
        self.origin = f"http://127.0.0.1:{port}"
        self.address = ".".join(["10", *(str(secrets.randbelow(254) + 1) for _ in range(3))])
        self.cookies: dict[str, str] = {}
        self.hidden: dict[str, str] = {}
        self.text = ""

    async def ask(self, name: str, path: str, data: dict[str, str] | None = None) -> str:
        """One request, a form with the hidden fields of the page before; where it leads, or "" for a page of its own.

        Raises `WrongAnswer` for every other status; 503 is waited out where the server says how long.
        """
        headers = {"X-Forwarded-For": self.address, "Referer": self.origin + path}
        headers["Cookie"] = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
        body = None if data is None else {**self.hidden, **data}
        while True:
            begun = time.perf_counter()
            call = self.http.get if body is None else self.http.post
            more: dict[str, Any] = {} if body is None else {"data": body}
            async with call(self.origin + path, headers=headers, allow_redirects=False, **more) as answer:
                self.text = await answer.text()
            self.timings.seconds[name].append(time.perf_counter() - begun)
            self.timings.statuses[answer.status] += 1
            for key, morsel in answer.cookies.items():
                self.cookies[key] = morsel.value
            if answer.status != 503:
                break
            if not answer.headers.get("Retry-After", "").isdigit():
                self.timings.unexplained += 1
                raise WrongAnswer("503 without Retry-After")
            await asyncio.sleep(int(answer.headers["Retry-After"]))
        if answer.status == 302:
            return str(answer.headers["Location"])
        if answer.status != 200:
            raise WrongAnswer(f"{name}: {answer.status}")
        self.hidden = {key: unescape(value) for key, value in _HIDDEN.findall(self.text)}
        return ""

    async def see(self, name: str, path: str) -> None:
        """A page that must be shown. Raises `WrongAnswer` where it leads elsewhere."""
        led = await self.ask(name, path)
        if led:
            raise WrongAnswer(f"{name} led to {led}")

    async def lead(self, name: str, path: str, data: dict[str, str], to: str) -> None:
        """A form that must lead to this address. Raises `WrongAnswer`."""
        led = await self.ask(name, path, data)
        if led != to:
            raise WrongAnswer(f"{name} led to {led or 'a page'}")

    async def enterprise_password(self, actor: Actor, door: str, to: str) -> None:
        """The first page of a door and its form, with the picture solved by the portal's own key."""
        from accounts import pictures

        known = _KNOWN.get((self.port, actor.person))
        self.cookies |= {"browser": known} if known else {}
        await self.ask("open login", door)
        picture = {"captcha": pictures.answer(self.hidden["captcha_token"])}
        given = {"code": actor.code, "password": ENTERPRISE, "agreement": "on", **picture}
        await self.lead("enterprise password", door, given, to)

    def remember(self, actor: Actor) -> None:
        """The next time this person comes with the same browser."""
        _KNOWN[self.port, actor.person] = self.cookies["browser"]

    async def choose(self, actor: Actor, people: str, to: str) -> None:
        """The list of the firm's people, and oneself in it."""
        await self.ask("open the list", people)
        await self.lead("choose", people, {"person": actor.person}, to)


async def by_sms(visitor: Visitor, actor: Actor, phones: Phones) -> None:
    """普通登录 with a code, and the home page."""
    people, sms = "/login/enterprise/person/", "/login/enterprise/sms/"
    await visitor.enterprise_password(actor, "/login/", people)
    await visitor.choose(actor, people, sms)
    await visitor.ask("open the code page", sms)
    await visitor.ask("send a code", f"{sms}send/", {})
    await visitor.lead("give the code", sms, {"code": await phones.code(actor.phone)}, "/")
    await visitor.ask("open home", "/")
    visitor.remember(actor)


async def by_password(visitor: Visitor, actor: Actor, _phones: Phones) -> None:
    """普通登录 with the personal password, and the home page."""
    people = "/login/enterprise/person/"
    await visitor.enterprise_password(actor, "/login/", people)
    await visitor.choose(actor, people, "/login/enterprise/sms/")
    await visitor.ask("open the password page", "/login/enterprise/password/")
    await visitor.lead("personal password", "/login/enterprise/password/", {"password": PERSONAL}, "/")
    await visitor.ask("open home", "/")
    visitor.remember(actor)


async def quick(visitor: Visitor, actor: Actor, phones: Phones) -> None:
    """快捷登录, and the home page."""
    people, code = "/login/enterprise/quick/person/", "/login/enterprise/quick/code/"
    await visitor.enterprise_password(actor, "/login/enterprise/quick/", people)
    await visitor.choose(actor, people, code)
    await visitor.ask("open the code page", code)
    await visitor.ask("send a code", f"{code}send/", {"phone": actor.phone})
    given = {"code": await phones.code(actor.phone), "agreement": "on"}
    await visitor.lead("give the code", code, given, "/")
    await visitor.ask("open home", "/")
    visitor.remember(actor)


async def by_agency(visitor: Visitor, actor: Actor, _phones: Phones) -> None:
    """代理机构登录 with the personal password, and the list of clients."""
    people, password = "/login/agency/person/", "/login/agency/password/"
    await visitor.enterprise_password(actor, "/login/agency/", people)
    await visitor.choose(actor, people, "/login/agency/sms/")
    await visitor.ask("open the password page", password)
    await visitor.lead("personal password", password, {"password": PERSONAL}, "/agencies/clients/")
    await visitor.ask("open the clients", "/agencies/clients/")
    visitor.remember(actor)


JOURNEYS = {"普通登录, SMS": by_sms, "普通登录, password": by_password, "快捷登录": quick, "代理机构登录": by_agency}
