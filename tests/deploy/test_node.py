"""A web node behind the real nginx.conf and gunicorn.conf.py: headers, limits, claims about addresses, restarts."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from urllib.parse import urlencode

import pytest
from django.conf import settings as portal
from django.test import Client

from tests import deploy_check
from tests.deploy import node as nodes
from tests.etax.test_headers import EVERYWHERE, HSTS, POLICY, UNCACHED, policy_of


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """One node for all tests of this module. In CI a machine without nginx is a failure."""
    if not shutil.which("nginx") and not os.environ.get("TEST_EXPECTS_NGINX"):
        pytest.skip("nginx is not installed here")
    with nodes.running(tmp_path_factory.mktemp("node")) as running:
        yield running


def own(answer) -> dict[str, object]:
    """The headers without those that are this answer's, or this server's, alone."""
    told = {name: value for name, value in answer.headers.items() if name not in ("date", "server", "connection")}
    for name in ("content-length", "last-modified", "etag", "accept-ranges", "transfer-encoding", "vary"):
        told.pop(name, None)
    assert re.fullmatch(r"[0-9a-f]{32}", told.pop("x-request-id"))
    told["content-security-policy"] = policy_of(told["content-security-policy"])
    return told


def lower(headers: dict[str, str], policy=POLICY) -> dict[str, object]:
    return {name.lower(): value for name, value in headers.items()} | {"content-security-policy": policy}


PAGE = UNCACHED | HSTS | {"Content-Type": "text/html; charset=utf-8"}
WITH_HANDOVER = POLICY | {"form-action": {"'self'", "https://insurance.example"}}


@pytest.mark.rule("CFG-02", "CFG-05")
def test_a_page_comes_with_the_portals_headers_each_once(node):
    answer = node.ask("/login/")
    assert answer.status == 200
    assert own(answer) | {"set-cookie": ""} == lower(PAGE, WITH_HANDOVER) | {"set-cookie": ""}
    assert answer.headers["server"] == "nginx"


@pytest.mark.rule("CFG-02")
@pytest.mark.parametrize("name", ["css/base.css", "js/portal.js", "icons.svg"])
def test_a_static_file_of_nginx_has_the_same_headers_as_one_of_the_portal(node, name):
    code = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'etax.settings'\n"
        "import django, json; django.setup()\n"
        "from django.test import Client\n"
        "from django.templatetags.static import static\n"
        f"a = Client(SERVER_NAME='portal.example').get(static('{name}'), secure=True)\n"
        "print(json.dumps([static('%s'), dict(a.headers)]))" % name
    )
    env = nodes.environment(node.folder, node.workers) | nodes._same_keys(node.folder)
    address, headers = json.loads(nodes.python(env, "-c", code).splitlines()[-1])
    answer = node.ask(address)
    assert answer.status == 200
    from_portal = {name.lower(): value for name, value in headers.items()}
    for each in ("content-length", "last-modified", "etag", "vary", "x-request-id", "accept-ranges"):
        from_portal.pop(each, None)
    from_portal["content-security-policy"] = policy_of(from_portal["content-security-policy"]) | {
        "form-action": {"'self'"}
    }
    assert own(answer) == from_portal


@pytest.mark.rule("CFG-05", "F2")
def test_liveness_needs_no_worker_and_the_portals_own_health_is_not_for_visitors(node):
    alive = node.ask("/alive")
    assert (alive.status, alive.text) == (200, "alive\n")
    assert own(alive) == lower(UNCACHED | HSTS | {"Content-Type": "text/plain"})
    assert node.ask_plainly("/alive").status == 200
    for where in ("/healthz", "/readyz", "/bureau/", "/bureau", "/bureau/login/"):
        answer = node.ask(where)
        assert answer.status == 404, where
        assert "页面不存在" in answer.text


@pytest.mark.rule("CFG-05")
def test_the_back_office_answers_by_its_own_name(node):
    answer = node.ask("/bureau/login/", host=nodes.BUREAU)
    assert answer.status == 200
    assert "税务人员" in answer.text


@pytest.mark.rule("CFG-02", "CFG-06")
@pytest.mark.parametrize(
    ("status", "words", "ask"),
    [
        (413, "提交的内容过大", lambda n: n.ask("/login/", "POST", body=b"a" * 300_000)),
        (413, "提交的内容过大", lambda n: n.ask("/realname/", "POST", body=b"a" * 9_000_000)),
        (405, "操作方式不正确", lambda n: n.ask("/login/", "TRACE")),
        (400, "请求无法识别", lambda n: n.ask("/" + "a" * 9_000)),
        (404, "页面不存在", lambda n: n.ask("/static/nowhere.css")),
        (404, "页面不存在", lambda n: n.ask("/static/")),
    ],
)
def test_what_nginx_refuses_itself_is_a_page_of_the_portal_with_its_headers(node, status, words, ask):
    answer = ask(node)
    assert answer.status == status
    assert words in answer.text
    assert f"请求编号 {answer.headers['x-request-id']}" in re.sub(r"\s+", " ", answer.text)
    assert own(answer) == lower(PAGE)
    assert "nginx" not in answer.text


@pytest.mark.rule("CFG-05")
def test_http_leads_to_https_and_a_foreign_name_learns_nothing(node):
    answer = node.ask_plainly("/login/?next=/")
    assert (answer.status, answer.headers["location"]) == (301, "https://portal.example/login/?next=/")
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        node.ask_plainly("/", host="evil.example")
    raw = socket.create_connection(("127.0.0.1", node.https), timeout=5)
    with pytest.raises(ssl.SSLError):
        ssl.create_default_context().wrap_socket(raw, server_hostname="evil.example")


TOKEN = "captcha_token"
CLAIMS = {
    "x-forwarded-for": {"X-Forwarded-For": "203.0.113.99"},
    "a chain": {"X-Forwarded-For": "203.0.113.99, 127.0.0.1"},
    "real ip": {"X-Real-IP": "203.0.113.99", "Forwarded": "for=203.0.113.99", "Client-IP": "203.0.113.99"},
    "underscores": {"X_Forwarded_For": "203.0.113.99", "X_FORWARDED_FOR": "203.0.113.99"},
}


@pytest.mark.rule("CFG-04")
@pytest.mark.parametrize("claim", CLAIMS)
def test_nobody_gets_another_address_by_claiming_it(node, claim):
    page = node.ask("/login/")
    cookie = page.headers["set-cookie"].split(";")[0]
    csrf, token = (
        re.search(rf'name="{name}"\s+value="([^"]+)"', page.text)[1] for name in ("csrfmiddlewaretoken", TOKEN)
    )
    answer = nodes.manage(node, "captcha_answer", token).split()[-1]
    form = {"csrfmiddlewaretoken": csrf, TOKEN: token, "captcha": answer, "agreement": "on"}
    form |= {"code": "91210103MA0HC00240", "password": "Wrong-2026-ok"}
    heads = {
        "Cookie": cookie,
        "Content-Type": "application/x-www-form-urlencoded",
        "Referer": "https://portal.example/",
    }
    sent = node.ask_with("/login/", "POST", body=urlencode(form).encode(), headers=heads | CLAIMS[claim])
    assert "纳税人识别号或密码错误" in sent.text
    seen = nodes.manage(node, "export_record")
    assert {json.loads(line)["ip"] for line in seen.splitlines()} == {"127.0.0.1"}


@pytest.mark.rule("CFG-04")
def test_a_visitor_cannot_say_that_he_came_by_https_or_by_another_host(node):
    answer = node.ask_with("/login/", headers={"X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"})
    assert answer.status == 200
    assert "evil.example" not in answer.text + str(answer.headers)


@pytest.mark.rule("F27")
def test_slow_and_half_open_visitors_keep_no_worker_from_the_others(node):
    context = ssl.create_default_context(cafile=str(node.folder / "tls" / "fullchain.pem"))
    slow = []
    for number in range(60):
        raw = socket.create_connection(("127.0.0.1", node.https), timeout=10)
        if number % 2:
            slow.append(raw)
            continue
        secure = context.wrap_socket(raw, server_hostname=nodes.PORTAL)
        secure.sendall(b"POST /login/ HTTP/1.1\r\nHost: portal.example\r\nContent-Length: 1000\r\n\r\na")
        slow.append(secure)
    assert [node.ask("/agreement/").status for _ in range(5)] == [200] * 5
    for each in slow:
        each.close()


@pytest.mark.rule("F22")
def test_a_reload_of_the_workers_loses_no_request(node):
    statuses, stop = [], threading.Event()

    def visit() -> None:
        while not stop.is_set():
            statuses.append(node.ask("/agreement/").status)

    visitors = [threading.Thread(target=visit) for _ in range(2)]
    for visitor in visitors:
        visitor.start()
    before = _workers(node)
    node.gunicorn.send_signal(signal.SIGHUP)
    for _ in range(300):
        if before.isdisjoint(_workers(node)) and len(_workers(node)) == 2:
            break
        time.sleep(0.1)
    stop.set()
    for visitor in visitors:
        visitor.join()
    assert before.isdisjoint(_workers(node))
    assert set(statuses) == {200}


def _workers(node) -> set[str]:
    done = subprocess.run(["pgrep", "-P", str(node.gunicorn.pid)], capture_output=True, text=True, check=False)
    return set(done.stdout.split())


@pytest.mark.rule("F1", "F22", "CFG-06")
def test_without_workers_nginx_answers_with_the_portals_page_and_the_time_to_wait(node):
    assert nodes.stop_gunicorn(node) == 0
    answer = node.ask("/login/")
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert "系统繁忙" in answer.text
    assert own(answer) == lower(PAGE | {"Retry-After": "5"})
    assert node.ask("/alive").status == 200
    nodes.start_gunicorn(node)
    assert node.ask("/login/").status == 200


@pytest.mark.rule("CFG-01")
def test_gunicorn_refuses_the_embedded_default(node):
    env = nodes.environment(node.folder, nodes.free_port()) | {"DEBUG": "on"}
    command = [sys.executable, "-m", "gunicorn", "-c", str(nodes.DEPLOY / "gunicorn.conf.py"), "etax.wsgi"]
    done = subprocess.run(
        command, cwd=deploy_check.ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert "DEBUG is on" in done.stderr


@pytest.mark.rule("FIL-02", "CFG-06")
def test_nginx_takes_the_bodies_that_the_portal_takes_and_no_longer_ones():
    conf = (nodes.DEPLOY / "nginx.conf").read_text()
    for prefix in portal.UPLOAD_PREFIXES:
        assert prefix.strip("/") in conf
    assert portal.UPLOAD_MAX_BYTES == 8 * 1024 * 1024
    assert conf.count("client_max_body_size 8m;") == conf.count("client_body_buffer_size 8m;") == 2
    assert portal.DATA_UPLOAD_MAX_MEMORY_SIZE == 256 * 1024
    assert "client_max_body_size 256k;" in conf


@pytest.mark.rule("CFG-02")
def test_nginx_and_the_portal_say_the_same(world):
    said = (nodes.DEPLOY / "headers.conf").read_text()
    for name, value in {**EVERYWHERE, **HSTS}.items():
        assert f'add_header {name} "{value}" always;' in said
    policy = re.search(r'Content-Security-Policy "([^"]+)"', said)[1]
    assert policy_of(policy) == POLICY == policy_of(Client().get("/login/").headers["Content-Security-Policy"])
