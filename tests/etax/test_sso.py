"""Single sign-on over a live server: a real client finds the provider, is let in, told who, and told of the end."""

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.db import connections
from django.urls import reverse
from django.utils import timezone
from jwcrypto import jwk, jwt

from accounts.models import AuditEntry, SignIn
from accounts.signins import IDLE
from agencies.models import Engagement
from agencies.services import recognition
from etax.models import SystemVisit
from etax.sso import clients, logout, visits
from staff import functions
from staff.functions import System
from staff.models import Membership
from staff.services import members
from tests import cast
from tests.agencies import acting
from tests.agencies.acting import enter
from tests.agencies.acting import sign_in as sign_in_at_agency
from tests.visitor import Visitor, words

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed_world")]

BACK = "http://127.0.0.1:9/back"


class Listener(ThreadingHTTPServer):
    """Where a system takes logout tokens."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Takes)
        self.status, self.tokens = 200, []
        self.told = threading.Event()


class _Takes(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.tokens.append(parse_qs(body)["logout_token"][0])
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.told.set()

    def log_message(self, *args) -> None:
        """Say nothing."""


class Client:
    """A downstream system that knows of the portal what its discovery says, and nothing else."""

    def __init__(self, portal: str, listener: Listener, stands_for: System = System.INVOICE) -> None:
        self.listener = listener
        back = f"http://127.0.0.1:{listener.server_port}/logout"
        self.id, self.secret = clients.connect(
            stands_for, redirects=[BACK], logout_url=back, client_id=stands_for.value, secret="s3cret-" * 6
        )
        self.metadata = json.loads(self._get(f"{portal}/sso/.well-known/openid-configuration")[1])
        self.verifier, self.nonce, self.state = (secrets.token_urlsafe(40) for _ in range(3))

    @staticmethod
    def _get(url: str, *, data: dict | None = None, bearer: str = "") -> tuple[int, str]:
        body = urlencode(data).encode() if data is not None else None
        request = urllib.request.Request(
            url, data=body, headers={"Authorization": f"Bearer {bearer}"} if bearer else {}
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def asks(self, **changed) -> str:
        """Where it sends its user's browser."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": BACK,
            "scope": "openid",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        left = {name: value for name, value in (asked | changed).items() if value is not None}
        return f"{self.metadata['authorization_endpoint']}?{urlencode(left)}"

    def exchange(self, code: str, /, **changed) -> tuple[int, dict]:
        """The code for tokens."""
        data = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "client_id": self.id,
            "client_secret": self.secret,
            "code_verifier": self.verifier,
        }
        status, body = self._get(self.metadata["token_endpoint"], data=data | changed)
        return status, json.loads(body)

    def verified(self, token: str) -> dict:
        """The claims of a token that the portal signed."""
        keys = jwk.JWKSet.from_json(self._get(self.metadata["jwks_uri"])[1])
        wanted = {"iss": self.metadata["issuer"], "aud": self.id, "exp": None}
        return json.loads(jwt.JWT(jwt=token, key=keys, algs=["RS256"], check_claims=wanted).claims)

    def user_info(self, token: str) -> tuple[int, dict]:
        """What is so now."""
        status, body = self._get(self.metadata["userinfo_endpoint"], bearer=token)
        return status, json.loads(body or "{}")


@contextlib.contextmanager
def listening() -> Iterator[Listener]:
    server = Listener()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as server:
        yield server


@pytest.fixture
def system(live_server, listener) -> Client:
    return Client(live_server.url, listener)


@pytest.fixture
def visitor_at(live_server, own_folder) -> Callable[[], Visitor]:
    """A browser at the live server's address."""
    at = urlsplit(live_server.url)

    def make() -> Visitor:
        return Visitor(own_folder / "sms.jsonl", HTTP_HOST=at.netloc)

    return make


def finish() -> None:
    """Wait until the threads that tell systems are idle, and close their connections."""
    barrier = threading.Barrier(2)

    def last() -> None:
        barrier.wait(20)
        connections.close_all()

    for done in [logout._pool.submit(last) for _ in range(2)]:
        done.result(20)


@pytest.fixture(autouse=True)
def threads_are_done() -> Iterator[None]:
    """Or the test database couldn't be dropped."""
    yield
    finish()


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def follow(visitor: Visitor, address: str):
    """The page to which an address leads in the end; the test client itself would lose the port on its way."""
    answer = visitor.get(address)
    while answer.status_code == 302:
        answer = visitor.get(path_of(answer.headers["Location"]))
    return answer


def come_in(system: Client, visitor: Visitor) -> dict:
    """Lead the browser through the portal into the system; its tokens."""
    response = visitor.get(path_of(system.asks()))
    assert response.status_code == 302, words(response)
    back = parse_qs(urlsplit(response.headers["Location"]).query)
    assert response.headers["Location"].startswith(BACK)
    assert back["state"] == [system.state]
    assert back["iss"] == [system.metadata["issuer"]]
    status, tokens = system.exchange(back["code"][0])
    assert status == 200, tokens
    return tokens


@pytest.mark.rule("D7", "D16")
def test_a_clerk_is_let_in_by_code_and_pkce_and_the_system_learns_who_for_whom_and_what(system, visitor_at):
    visitor = visitor_at()
    visitor.sign_in_by_password("HC", "孙雅静")
    tokens = come_in(system, visitor)
    assert "refresh_token" not in tokens
    assert tokens["expires_in"] == 600
    claims = system.verified(tokens["id_token"])
    clerk, firm = cast.person("孙雅静"), cast.taxpayer("HC")
    assert claims["nonce"] == system.nonce
    assert claims["sub"] == str(clerk.uid)
    status, told = system.user_info(tokens["access_token"])
    assert status == 200
    assert told["person"] == claims["person"] == {"uid": str(clerk.uid), "name": "孙雅静"}
    assert told["taxpayer"] == {"code": firm.code, "name": firm.name}
    assert told["capacity"] == {"position": "办税员", "is_lead": False, "via": None}
    mine = {code for code, leaf in functions.FUNCTIONS.items() if leaf.system == System.INVOICE}
    assert set(told["functions"]) == mine
    assert told["sid"] == claims["sid"]
    entry = AuditEntry.objects.get(kind="downstream_entered")
    assert (entry.person, entry.taxpayer, entry.details) == (clerk, firm, {"system": "invoice"})
    kept = SystemVisit.objects.get()
    assert tokens["access_token"] not in (kept.token_hash, kept.code_hash)


@pytest.mark.rule("D7", "AUZ-05")
def test_who_holds_no_function_of_the_system_gets_a_page_that_says_why(system, visitor_at):
    visitor = visitor_at()
    membership = Membership.objects.get(taxpayer=cast.taxpayer("HC"), person=cast.person("孙雅静"))
    for identity in membership.identities.all():
        identity.grants.filter(
            function__in=[c for c, f in functions.FUNCTIONS.items() if f.system == "invoice"]
        ).delete()
    visitor.sign_in_by_password("HC", "孙雅静")
    response = visitor.get(path_of(system.asks()))
    assert response.status_code == 403
    assert "您没有电子发票服务平台的任何功能" in words(response)
    assert AuditEntry.objects.get(kind="downstream_refused").reason == "not_held"
    assert not SystemVisit.objects.exists()


@pytest.mark.rule("D16", "SES-05", "M61")
def test_freezing_the_clerk_bites_in_the_system_at_its_next_question(system, visitor_at):
    visitor = visitor_at()
    visitor.sign_in_by_password("HC", "孙雅静")
    tokens = come_in(system, visitor)
    assert system.user_info(tokens["access_token"])[0] == 200
    membership = Membership.objects.get(taxpayer=cast.taxpayer("HC"), person=cast.person("孙雅静"))
    members.freeze(membership, version=membership.version, by=acting.lead("HC", "钱思远"))
    assert system.user_info(tokens["access_token"])[0] == 401


@pytest.mark.rule("D7", "SES-05")
def test_a_function_taken_away_is_gone_at_the_next_question(system, visitor_at):
    visitor = visitor_at()
    visitor.sign_in_by_password("HC", "孙雅静")
    tokens = come_in(system, visitor)
    membership = Membership.objects.get(taxpayer=cast.taxpayer("HC"), person=cast.person("孙雅静"))
    for identity in membership.identities.all():
        identity.grants.filter(function="tax.invoice.issue").delete()
    status, told = system.user_info(tokens["access_token"])
    assert status == 200
    assert "tax.invoice.issue" not in told["functions"]


@pytest.mark.rule("D16", "SES-04")
def test_signing_out_of_the_portal_ends_the_visit_and_tells_the_system(system, visitor_at, listener):
    visitor = visitor_at()
    visitor.sign_in_by_password("HC", "孙雅静")
    tokens = come_in(system, visitor)
    sid = system.verified(tokens["id_token"])["sid"]
    visitor.post(reverse("sign_out"))
    assert listener.told.wait(20)
    finish()  # SQLite in memory has no patience: who reads a table keeps the thread from writing it
    assert system.user_info(tokens["access_token"])[0] == 401
    claims = system.verified(listener.tokens[0])
    assert claims["sid"] == sid
    assert claims["sub"] == str(cast.person("孙雅静").uid)
    assert list(claims["events"]) == ["http://schemas.openid.net/event/backchannel-logout"]
    assert "nonce" not in claims
    assert json.loads(base64.urlsafe_b64decode(listener.tokens[0].split(".")[0] + "=="))["typ"] == "logout+jwt"


@pytest.mark.rule("D16", "SES-03")
def test_a_sign_in_left_alone_is_over_for_the_system_too_which_is_told_until_it_understands(
    system, visitor_at, listener
):
    visitor = visitor_at()
    visitor.sign_in_by_password("HC", "孙雅静")
    tokens = come_in(system, visitor)
    assert logout.tell_all() == (0, 0)
    SignIn.objects.update(seen_at=timezone.now() - IDLE)
    assert system.user_info(tokens["access_token"])[0] == 401
    listener.status = 500
    assert logout.tell_all() == (0, 1)
    assert logout.tell_all() == (0, 0)  # not at once again
    SystemVisit.objects.update(next_try_at=timezone.now())
    listener.status = 204
    assert logout.tell_all() == (1, 0)
    assert AuditEntry.objects.filter(kind="downstream_left").count() == 1
    assert len(listener.tokens) == 2


@pytest.mark.rule("D16", "SES-03")
def test_a_system_that_does_not_understand_is_asked_once_in_a_round(system, visitor_at, listener):
    for name in ("孙雅静", "钱思远"):
        visitor = visitor_at()
        visitor.sign_in_by_password("HC", name)
        come_in(system, visitor)
    SignIn.objects.update(seen_at=timezone.now() - IDLE)
    listener.status = 500
    assert logout.tell_all() == (0, 2)
    assert len(listener.tokens) == 1
    listener.status = 204
    assert logout.tell_all() == (1, 0)  # the other, whose turn it is at once
    SystemVisit.objects.update(next_try_at=timezone.now())
    assert logout.tell_all() == (1, 0)


@pytest.mark.rule("D16", "SES-03", "REL-01")
def test_a_system_that_is_down_keeps_no_other_from_being_told(system, visitor_at, listener, live_server):
    with listening() as other_listener:
        other = Client(live_server.url, other_listener, System.DECLARATION)
        for client in (system, system, system, other):  # those of the one that is down are due first
            visitor = visitor_at()
            visitor.sign_in_by_password("HC", "钱思远")
            come_in(client, visitor)
        SignIn.objects.update(seen_at=timezone.now() - IDLE)
        listener.status = 500
        assert logout.tell_all() == (1, 3)
        assert (len(listener.tokens), len(other_listener.tokens)) == (1, 1)


@pytest.mark.rule("D23", "AUZ-06")
def test_a_handler_goes_in_for_the_client_with_what_it_lent_until_the_engagement_ends(system, visitor_at):
    visitor = visitor_at()
    sign_in_at_agency(visitor, "邓丽娟")
    enter(visitor, "HC")
    tokens = come_in(system, visitor)
    status, told = system.user_info(tokens["access_token"])
    agency = cast.taxpayer("XD")
    assert status == 200
    assert told["taxpayer"]["code"] == cast.taxpayer("HC").code
    assert told["capacity"]["via"] == {"code": agency.code, "name": agency.name}
    assert set(told["functions"]) <= functions.LENDABLE
    row = Engagement.objects.get(agency=agency, client=cast.taxpayer("HC"))
    recognition.cancel(row, by=acting.lead("HC", "钱思远"))
    assert system.user_info(tokens["access_token"])[0] == 401


def visit_as_handler(system: Client, visitor: Visitor, client: str) -> str:
    """罗建平 acts for the client and goes into the system; its access token."""
    if "sign_in" not in visitor.session:
        sign_in_at_agency(visitor, "罗建平")
    enter(visitor, client)
    return come_in(system, visitor)["access_token"]


def leave_client(visitor: Visitor) -> None:
    visitor.post(reverse("agencies:leave"))


def enter_another(visitor: Visitor) -> None:
    enter(visitor, "MH")


def be_cancelled(_visitor: Visitor) -> None:
    row = Engagement.objects.get(agency=cast.taxpayer("XD"), client=cast.taxpayer("HC"))
    recognition.cancel(row, by=acting.lead("HC", "钱思远"))


def be_named_no_more(_visitor: Visitor) -> None:
    acting.engagement("HC").namings.filter(person=cast.person("罗建平")).delete()


@pytest.mark.rule("D23", "SES-05", "SES-02")
@pytest.mark.parametrize("act", [leave_client, enter_another, be_cancelled, be_named_no_more])
def test_who_no_longer_acts_for_the_client_is_out_of_its_systems_and_they_are_told(system, visitor_at, listener, act):
    visitor = visitor_at()
    token = visit_as_handler(system, visitor, "HC")
    assert system.user_info(token)[0] == 200
    act(visitor)
    finish()  # SQLite lets no thread read while another writes
    assert system.user_info(token)[0] == 401
    logout.tell_all()  # what nobody's own click has told, the command does
    assert len(listener.tokens) == 1
    entry = AuditEntry.objects.get(kind="downstream_left")
    assert (entry.taxpayer, entry.via) == (cast.taxpayer("HC"), cast.taxpayer("XD"))


@pytest.mark.rule("D23", "D7")
def test_a_handler_without_a_function_of_the_system_is_told_who_of_the_client_lends_it_where(system, visitor_at):
    visitor = visitor_at()
    codes = [code for code, leaf in functions.FUNCTIONS.items() if leaf.system == System.INVOICE]
    acting.identity("MH", "查询员").grants.filter(function__in=codes).delete()
    sign_in_at_agency(visitor, "罗建平")
    enter(visitor, "MH")
    refused = visitor.get(path_of(system.asks()))
    assert refused.status_code == 403
    assert "请委托企业的法定代表人（业主）或财务负责人在【代理机构认定管理】中修改" in words(refused)
    assert "【身份维护】" not in words(refused)


# What a client may not do


@pytest.mark.rule("FLOW-02")
@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "x" * 43},
        {"client_secret": "wrong"},
        {"redirect_uri": "http://127.0.0.1:9/other"},
        {"code": "x"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_code_is_worth_nothing_without_all_that_belongs_to_it(system, visitor_at, changed):
    visitor = visitor_at()
    visitor.sign_in_by_password("HC", "孙雅静")
    back = parse_qs(urlsplit(visitor.get(path_of(system.asks())).headers["Location"]).query)
    assert system.exchange(back["code"][0], **changed)[0] in (400, 401)


def test_a_code_is_good_once(system, visitor_at):
    visitor = visitor_at()
    visitor.sign_in_by_password("HC", "孙雅静")
    code = parse_qs(urlsplit(visitor.get(path_of(system.asks())).headers["Location"]).query)["code"][0]
    assert system.exchange(code)[0] == 200
    assert system.exchange(code)[0] == 400


def test_a_code_dies_with_the_sign_in(system, visitor_at):
    visitor = visitor_at()
    visitor.sign_in_by_password("HC", "孙雅静")
    code = parse_qs(urlsplit(visitor.get(path_of(system.asks())).headers["Location"]).query)["code"][0]
    visitor.post(reverse("sign_out"))
    assert system.exchange(code)[0] == 400


def test_an_id_token_opens_nothing(system, visitor_at):
    visitor = visitor_at()
    visitor.sign_in_by_password("HC", "孙雅静")
    assert system.user_info(come_in(system, visitor)["id_token"])[0] == 401


@pytest.mark.rule("LOG-05")
def test_an_access_token_is_taken_from_its_header_alone_and_never_from_an_address(system, visitor_at):
    visitor = visitor_at()
    visitor.sign_in_by_password("HC", "孙雅静")
    token = come_in(system, visitor)["access_token"]
    address, bearer = reverse("oauth2_provider:user-info"), {"authorization": f"Bearer {token}"}
    other_ways = (
        visitor.get(address, {"access_token": token}),
        visitor.get(address, {"access_token": token}, headers=bearer),
        visitor.post(address, {"access_token": token}),
        visitor.post(f"{address}?access_token={token}"),
    )
    for answer in other_ways:
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_request"'
    assert visitor.post(address, headers=bearer).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [{"code_challenge": None}, {"code_challenge_method": "plain"}, {"response_type": "token"}, {"scope": "openid all"}],
    ids=["no pkce", "plain pkce", "implicit", "another scope"],
)
def test_anything_but_the_code_with_pkce_is_answered_with_an_error_and_no_code(system, visitor_at, changed):
    visitor = visitor_at()
    visitor.sign_in_by_password("HC", "孙雅静")
    response = visitor.get(path_of(system.asks(**changed)))
    told = response.headers.get("Location", "")
    assert "error=" in told or response.status_code == 400
    assert "code=" not in told.replace("code_", "")


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize(
    "changed",
    [{"client_id": "nobody"}, {"client_id": "a\x00b"}, {"redirect_uri": "https://evil.example/"}, {"state": "a\x00"}],
    ids=["unknown", "nul", "elsewhere", "nul in state"],
)
def test_who_is_not_connected_or_asks_to_be_led_elsewhere_gets_the_portals_error_page(system, visitor_at, changed):
    visitor = visitor_at()
    visitor.sign_in_by_password("HC", "孙雅静")
    response = visitor.get(path_of(system.asks(**changed)))
    assert response.status_code == 400
    assert "请求无法识别" in words(response)


def test_a_visitor_is_led_to_the_door(system, visitor_at):
    response = visitor_at().get(path_of(system.asks()))
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/login/")


def test_what_cannot_be_read_is_refused_by_the_systems_addresses_as_well(system):
    assert system.exchange("a\x00b")[0] == 400
    assert system.user_info("")[0] == 401
    assert system.user_info("x" * 5000)[0] == 401


# The stand-ins of the embedded default


@pytest.mark.rule("D7")
def test_the_tile_of_a_function_leads_into_the_stand_in_and_signing_out_leads_out_of_it(
    system, visitor_at, live_server
):
    visitor = visitor_at()
    visitor.sign_in_by_password("HC", "孙雅静")
    page = visitor.get(reverse("staff:function", args=["tax.declaration.vat_general"]))
    address = "/demo/system/declaration/?function=tax.declaration.vat_general"
    assert f'href="{address}"' in page.content.decode()
    clients.of("stand-in-declaration").visits.all().delete()
    inside = follow(visitor, address)
    assert inside.status_code == 200
    assert "孙雅静已由电子税务局登录，为沈阳海川贸易有限公司办理" in words(inside)
    assert "增值税及附加税费申报（一般纳税人适用）" in words(inside)
    connected = clients.of("stand-in-declaration")
    connected.logout_url = live_server.url + reverse("stand_in_logout", args=["declaration"])
    connected.save()
    visitor.post(reverse("sign_out"))
    finish()
    out = visitor.get(reverse("stand_in_inside", args=["declaration"]))
    assert out.status_code == 401
    assert "本系统已同时退出" in words(out)
    assert SystemVisit.objects.get(connected=connected).told_at is not None


def test_a_stand_in_lets_nobody_in_who_comes_with_a_code_that_he_did_not_ask_for(visitor_at):
    visitor = visitor_at()
    assert visitor.get(reverse("stand_in_callback", args=["declaration"]) + "?code=x&state=y").status_code == 400
    assert visitor.get(reverse("stand_in_inside", args=["declaration"])).status_code == 401
    assert visitor.get("/demo/system/portal/").status_code == 404
    told = visitor.post(reverse("stand_in_logout", args=["declaration"]), {"logout_token": "x.y.z"})
    assert told.status_code == 400


def test_visits_long_over_are_tidied_away(system, visitor_at):
    visitor = visitor_at()
    visitor.sign_in_by_password("HC", "孙雅静")
    come_in(system, visitor)
    assert visits.tidy() == 0
    SystemVisit.objects.update(started_at=timezone.now() - 100 * IDLE)
    assert visits.tidy() == 1
