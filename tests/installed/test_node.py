"""A node installed by docs/operation.md and started by systemd: what its visitors and its administrator see."""

import re
import shlex
import threading

import pytest
from django.conf import settings

from tests import cast, deploy_check
from tests.deploy.node import BUREAU
from tests.faults.browser import NoAnswer
from tests.faults.children import wait_until
from tests.faults.test_workers import COLLECTED
from tests.realname import cards
from tests.rehearse.page import commands

SERVICES = ["etax-web", "etax-sms", "etax-metrics", "nginx", "postgresql@15-main", "redis-server"]
JOBS = ["tidy", "seal-record", "partition-record", "retire-record"]


def signed_in(machine, name="钱思远"):
    """A browser in which this person has just signed in with his password."""
    browser = machine.browser()
    answer = browser.sign_in_by_password(name)
    assert answer.location == "/", answer.words
    return browser


def without_network(script: str) -> str:
    """The machine's network leads nowhere: what pip has installed already it needn't fetch."""
    return script.replace("pip install ", "pip install --no-index ")


@pytest.mark.rule("CFG-01")
def test_everything_runs_under_the_portals_account_and_listens_to_nobody_outside_but_for_nginx(machine):
    assert machine.state() == "running"
    assert machine.run(f"systemctl is-active {' '.join(SERVICES)}").split() == ["active"] * len(SERVICES)
    assert machine.run("ps -o user= -p $(systemctl show -P MainPID etax-web)").strip() == "etax"
    listening = re.findall(r"^\S+\s+\S+\s+\S+\s+(\S+):(\d+)", machine.run("ss -Hltn"), re.MULTILINE)
    outside = {int(port) for address, port in listening if address not in ("127.0.0.1", "[::1]")}
    assert outside == {80, 443}
    assert {8000, 9464} <= {int(port) for address, port in listening if address == "127.0.0.1"}


@pytest.mark.rule("CFG-01", "CFG-04")
def test_a_page_comes_with_its_style_its_script_and_its_pictures(machine):
    page = machine.browser().get("/login/")
    parts = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    assert {part.rpartition(".")[2] for part in parts} >= {"css", "js", "svg"}
    for part in parts:
        answer = machine.browser().get(part)
        assert (answer.status, answer.headers["cache-control"][:16]) == (200, "max-age=31536000"), part
    for path in ("/nowhere/", "/healthz", "/static/", "/bureau/"):
        lost = machine.browser().get(path)
        assert (lost.status, "电子税务局" in lost.text) == (404, True), path
    assert machine.browser(BUREAU).get("/bureau/").location == "/bureau/login/"


@pytest.mark.rule("M26", "M27", "CFG-04")
def test_people_sign_in_by_code_and_by_password_through_nginx(machine, gateway):
    browser = machine.browser()
    answer = browser.sign_in_by_sms("钱思远", gateway)
    assert answer.location == "/", answer.words
    assert browser.is_in
    assert signed_in(machine).is_in


@pytest.mark.rule("FIL-04", "CRY-01")
def test_a_picture_is_kept_sealed_where_the_portals_account_alone_comes_to(machine, gateway):
    person = machine.browser()
    assert person.post_with_picture("/realname/new/", COLLECTED).status == 302
    assert person.post("/realname/code/", {"code": gateway.code(COLLECTED["phone"])}).status == 302
    assert person.post("/realname/consent/", {"agreed": "on"}).status == 302
    sent = cards.jpeg()
    assert person.send_file("/realname/card/front/", "photo", sent).status == 302
    (kept,) = machine.run("find /var/lib/etax/photos -type f").split()
    assert machine.run(f"stat -c '%U %a' {kept} /var/lib/etax/photos").split() == ["etax", "600", "etax", "700"]
    assert b"JFIF" in sent  # as in what is made of it, before it is sealed
    assert b"JFIF" not in (machine.root / kept[1:]).read_bytes()
    with pytest.raises(AssertionError, match="Permission denied"):
        machine.run("ls /var/lib/etax/photos", user="www-data")


@pytest.mark.rule("LOG-04", "REL-01")
@pytest.mark.parametrize("job", JOBS)
def test_each_job_of_the_night_ends_well_and_has_its_next_hour(machine, job):
    machine.run(f"systemctl start etax-{job}.service")
    assert machine.run(f"systemctl show -P Result etax-{job}.service").strip() == "success"
    assert machine.run(f"systemctl show -P NextElapseUSecRealtime etax-{job}.timer").strip()


@pytest.mark.rule("LOG-03")
def test_the_portals_role_can_change_no_entry_in_any_part(machine):
    found = "SELECT c.relname FROM pg_class c WHERE relname LIKE 'accounts_auditentry%' AND relkind IN ('r', 'p')"
    for table in machine.run(f'psql -d etax -Atc "{found}"', user="postgres").split():
        for right in ("UPDATE", "DELETE", "TRUNCATE"):
            asked = f"SELECT has_table_privilege('etax', '{table}', '{right}')"
            assert machine.run(f'psql -d etax -Atc "{asked}"', user="postgres").strip() == "f", (table, right)


@pytest.mark.rule("CFG-01", "LOG-03")
def test_the_command_takes_words_as_they_are_and_the_callers_database_before_the_nodes(machine):
    code = 'import sys; print(repr("it costs $HOME ${SECRET_KEY} \\"$$\\""))'
    machine.run(f"echo {shlex.quote(code)} > /root/code")
    told = machine.run('etax-manage shell --verbosity 0 -c "$(cat /root/code)\n"')
    assert told.strip() == repr('it costs $HOME ${SECRET_KEY} "$$"')
    select = "k.execute('SELECT current_database(), user'); print(k.fetchone())"
    asked = f"from django.db import connection as c; k = c.cursor(); {select}"
    machine.run("createdb --owner=etax_owner etax_restored", user="postgres")
    other = "DATABASE_URL=postgres://etax_owner:owner-2026@127.0.0.1:5432/etax_restored"
    for before, shown in (("", "('etax', 'etax')"), (other, "('etax_restored', 'etax_owner')")):
        assert machine.run(f'{before} etax-manage shell --verbosity 0 -c "{asked}"').strip() == shown
    assert machine.run(f'etax-manage --owner shell --verbosity 0 -c "{asked}"').strip() == "('etax', 'etax_owner')"
    assert machine.run("echo hello | etax-manage shell -v0 -c 'print(input())'").strip() == "hello"
    assert machine.run("etax-manage shell -v0 -c 'raise SystemExit(7)' || echo $?").strip() == "7"
    odd = shlex.quote("-c a=\"$b\" \\ `c` 'd'")
    given = "etax-manage shell -v0 -c 'import os; print(repr(os.environ[\"PGOPTIONS\"]))'"
    assert machine.run(f"PGOPTIONS={odd} {given}").strip() == repr("-c a=\"$b\" \\ `c` 'd'")
    assert machine.run("ls /run/etax-manage.* 2>/dev/null || true") == ""


@pytest.mark.rule("LOG-01", "CFG-01")
def test_neither_the_journal_nor_nginx_holds_a_number_a_code_or_a_password(machine, gateway):
    assert machine.browser().sign_in_by_sms("林若兰", gateway).location == "/"
    written = machine.run("journalctl --no-pager -o cat; cat /var/log/nginx/*.log")
    assert "/login/" in written
    codes = re.findall(r"(?<!\d)\d{6}(?!\d)", " ".join(line["text"] for line in gateway.lines()))
    for secret in (
        *cast.PHONES.values(),
        *cast.ENTERPRISE_PASSWORDS.values(),
        "portal-2026",
        "owner-2026",
        "cache-2026",
    ):
        assert secret not in written
    for code in codes:
        assert not re.search(rf'"[^"]*code[^"]*": *"{code}"|code={code}', written)
    with pytest.raises(AssertionError, match="Permission denied"):
        machine.run("cat /etc/etax/env", user="www-data")


@pytest.mark.rule("F22", "REL-01")
def test_a_release_put_in_beside_visitors_loses_no_request(machine):
    statuses, stop = [], threading.Event()

    def ask() -> None:
        while not stop.is_set():
            statuses.append(machine.browser().try_get("/login/"))

    def workers() -> set[str]:
        return set(machine.run("pgrep -P $(systemctl show -P MainPID etax-web)").split())

    visitors = [threading.Thread(target=ask) for _ in range(3)]
    for visitor in visitors:
        visitor.start()
    before = workers()
    machine.run("cp -a /opt/etax /opt/etax-next && rm /opt/etax/README.md")  # its packages are there already
    machine.run(without_network(commands("expand")))
    machine.run(without_network(commands("upgrade")))
    wait_until(lambda: not workers() & before, 40, "all workers are new")
    enough = len(statuses) + 20
    wait_until(lambda: len(statuses) > enough, 20, "the new workers answer")
    stop.set()
    for visitor in visitors:
        visitor.join()
    assert set(statuses) == {200}
    assert (machine.root / "opt/etax/README.md").exists()


@pytest.mark.rule("F25", "CRY-01", "CRY-02")
def test_keys_are_rotated_under_people_who_stay_signed_in(machine):
    env, browser = machine.root / "etc/etax/env", signed_in(machine)
    old = {name: ",".join(getattr(settings, name)) for name in ("SEALING_KEYS", "LOOKUP_KEYS")}
    new = {name: value.replace("a1:", "b2:") for name, value in deploy_check.environment("/x").items() if name in old}

    def keep(**keys: str) -> None:
        text = env.read_text()
        for name, value in keys.items():
            text = re.sub(rf"^{name}=.*$", lambda _, line=f"{name}={value}": line, text, flags=re.MULTILINE)
        env.write_text(text)
        machine.run(commands("settings"))

    keep(**{name: f"{old[name]},{new[name]}" for name in old})
    keep(**{name: f"{new[name]},{old[name]}" for name in old})
    machine.run(commands("keys").replace("python manage.py", "etax-manage"))
    keep(**new)
    assert browser.is_in
    assert signed_in(machine, "林若兰").is_in
    assert "SealBroken" not in machine.run("journalctl -o cat --no-pager -u etax-web -u etax-sms")


@pytest.mark.rule("F10", "REL-01")
def test_a_master_that_is_killed_is_started_again_and_whoever_was_in_still_is(machine):
    browser = signed_in(machine)
    machine.run("systemctl kill --signal KILL etax-web")
    wait_until(lambda: browser.try_get("/") == 200, 30, "the portal is back", every=0.5)
    assert int(machine.run("systemctl show -P NRestarts etax-web")) >= 1


@pytest.mark.rule("F13", "REL-01")
def test_without_postgresql_visitors_are_told_and_with_it_all_goes_on_by_itself(machine):
    browser = signed_in(machine)
    machine.run("systemctl stop postgresql@15-main")
    try:
        answer = machine.browser().give_enterprise_password()
        assert answer.is_friendly_503()
        assert machine.run("curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8000/healthz") == "200"
        assert machine.run("curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8000/readyz") == "503"
    finally:
        machine.run("systemctl start postgresql@15-main")
    wait_until(lambda: browser.try_get("/") == 200, 20, "the portal heals", every=0.5)
    assert machine.run("systemctl show -P NRestarts etax-sms etax-metrics").split() == ["0", "0"]


@pytest.mark.rule("REL-01", "CFG-04")
def test_without_the_portal_nginx_tells_in_the_portals_own_words_and_style(machine):
    machine.run("systemctl stop etax-web")
    try:
        told = machine.browser().get("/login/")
        assert told.is_friendly_503()
        sheets = re.findall(r'href="(/static/[^"]+\.css)"', told.text)
        assert sheets
        for part in sheets:
            assert machine.browser().get(part).status == 200
        assert machine.browser().get("/alive").status == 200
    finally:
        machine.run("systemctl start etax-web")


@pytest.mark.rule("CFG-01")
def test_weak_settings_keep_it_from_starting_and_the_journal_says_which(machine):
    env = machine.root / "etc/etax/env"
    good = env.read_text()
    machine.run("systemctl stop etax-web")
    try:
        env.write_text(good.replace("ALLOWED_HOSTS=portal.example", "ALLOWED_HOSTS=*,portal.example"))
        with pytest.raises(AssertionError):
            machine.run("systemctl start etax-web")
        assert "ALLOWED_HOSTS" in machine.run("journalctl --no-pager -o cat -u etax-web -n 40")
    finally:
        env.write_text(good)
        machine.run("systemctl reset-failed etax-web && systemctl start etax-web")


@pytest.mark.rule("REL-01", "CFG-01")
def test_a_machine_that_is_started_anew_serves_without_anybodys_hand(machine):
    browser = signed_in(machine)
    machine.restart()

    def is_in() -> bool:
        try:
            return browser.get("/").status == 200
        except (NoAnswer, OSError):
            return False

    wait_until(is_in, 60, "whoever was in still is", every=0.5)
    assert machine.state() == "running"
    assert signed_in(machine).is_in
