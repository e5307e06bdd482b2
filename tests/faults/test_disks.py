"""Disks that are full, each a few megabytes in memory: F18."""

import contextlib
from pathlib import Path

import pytest

from tests.faults.children import fill, small_disk
from tests.faults.ledger import Ledger
from tests.faults.newcomer import sqlite_world
from tests.faults.test_workers import collect, files_and_rows
from tests.realname import cards

pytestmark = pytest.mark.fault
FULL = "SELECT count(*) FROM accounts_auditentry WHERE result = 'done' AND kind = 'member_frozen'"


@pytest.mark.rule("F18", "FIL-04", "REL-01")
@pytest.mark.fault("F18", "pictures: the visitor is told, no part of a file stays, everything else goes on")
def test_a_full_disk_under_the_pictures_loses_no_part_of_one(bureau, seen):
    with small_disk(4) as disk, bureau.open(workers=2, PHOTO_ROOT=str(disk / "photos")) as portal:
        person = portal.browser()
        collect(portal, person)
        assert person.send_file("/realname/card/front/", "photo", cards.jpeg()).status == 302
        filler = fill(disk, leave=20_000)
        refused = person.send_file("/realname/card/back/", "photo", cards.jpeg(quality=95))
        files, rows = files_and_rows(portal)
        elsewhere = portal.browser().sign_in_by_password("钱思远")
        filler.unlink()
        again = person.send_file("/realname/card/back/", "photo", cards.jpeg(quality=95))
        seen(answer=refused.status, files=len(files - {"filler"}), rows=len(rows), once_there_is_room=again.status)
        assert refused.status in (400, 503, 507)
        assert "照片没有保存成功" in refused.words
        assert files == rows
        assert elsewhere.location == "/"
        assert again.status == 302


@pytest.mark.rule("F18", "REL-01")
@pytest.mark.fault("F18", "log: the portal goes on, acts and all")
def test_a_full_disk_under_the_log_stops_nobody(bureau, seen):
    with small_disk(4) as disk, bureau.open(workers=2) as portal:
        portal.stop()
        portal.log_file = disk / "portal.log"
        portal.start(workers=2)
        fill(disk)
        lead, ledger = portal.browser(), Ledger(portal)
        signed_in = lead.sign_in_by_sms("钱思远", portal.gateway)
        for uid in ledger.clerks()[:3]:
            ledger.act(lead, uid)
        missing = [portal.browser().get("/nowhere/").status for _ in range(3)]  # each has its line in the log
        seen(acts=ledger, pages_that_log=missing)
        assert signed_in.location == "/"
        assert len(ledger.acknowledged) == 3
        assert set(missing) == {404}


@pytest.mark.rule("F18", "LOG-02", "REL-01")
@pytest.mark.fault(
    "F18", "PostgreSQL: an act whose entry can't be written is refused (503); pages that only read go on"
)
def test_a_full_disk_under_postgresql_refuses_acts_and_half_does_none(bureau, seen):
    with contextlib.ExitStack() as around:
        disk = around.enter_context(small_disk(40))
        space = disk / "space"
        space.mkdir(mode=0o700)
        bureau.cluster._own(space)
        bureau.cluster.sql(f"CREATE TABLESPACE small LOCATION '{space}'")
        around.callback(bureau.cluster.sql, "DROP TABLESPACE small")
        bureau.cluster.make("on_small_disk", template="world", more="TABLESPACE small")
        around.callback(bureau.cluster.drop, "on_small_disk")
        portal = around.enter_context(bureau.open(database="on_small_disk", workers=2))
        check_full_database(portal, disk, seen)


def check_full_database(portal, disk: Path, seen) -> None:
    """Acts until the disk is full, then a while longer, then with room again."""
    lead, ledger = portal.browser(), Ledger(portal)
    assert lead.sign_in_by_sms("钱思远", portal.gateway).location == "/"
    clerks = ledger.clerks()
    ledger.act(lead, clerks[0])
    fill(disk)
    for number in range(600):
        ledger.act(lead, clerks[number % len(clerks)])
        if ledger.refused >= 5:
            break
    reading = {path: portal.browser().get(path).status for path in ("/login/", "/help/", "/agreement/")}
    (disk / "filler").unlink()
    portal.heals(10)
    before = len(ledger.acknowledged)
    lead.sign_in_by_password("林若兰")
    for uid in clerks[:3]:
        ledger.act(lead, uid)
    seen(acts=ledger, statuses=ledger.statuses, reading_pages=set(reading.values()))
    assert ledger.refused >= 5, "the disk did not become full"
    assert set(ledger.statuses) <= {302, 503, 507}
    assert set(reading.values()) == {200}
    assert ledger.differences() == []
    assert before >= 1


@pytest.mark.rule("F18", "LOG-02", "REL-01")
@pytest.mark.fault("F18", "SQLite and its WAL: an act whose entry can't be written is refused (503); reading goes on")
def test_a_full_disk_under_sqlite_refuses_acts_and_half_does_none(bureau, seen):
    with small_disk(12) as disk, sqlite_world(bureau, disk) as small:
        lead = small.browser()
        assert lead.sign_in_by_password("钱思远").location == "/"
        filler = fill(disk)
        statuses = []
        for _ in range(400):
            answer = small.browser().give_enterprise_password("HC")
            statuses.append(answer.status)
            if statuses.count(503) + statuses.count(507) >= 3:
                break
        reading = {path: small.browser().get(path).status for path in ("/login/", "/help/")}
        filler.unlink()
        again = small.browser().sign_in_by_password("林若兰")
        seen(sign_ins=len(statuses), refused=statuses.count(503), reading_pages=set(reading.values()))
        assert set(statuses) <= {302, 503, 507}
        assert statuses.count(503) + statuses.count(507) >= 3
        assert set(reading.values()) == {200}
        assert again.location == "/"
        assert small.integrity() == "ok"
