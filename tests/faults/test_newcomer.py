"""The embedded default in two processes with fifty writers: F24."""

import pytest

from tests.faults.browser import NoAnswer
from tests.faults.crowd import at_once, count
from tests.faults.newcomer import sqlite_world

pytestmark = pytest.mark.fault
WHO = ("钱思远", "林若兰", "孙雅静", "郑海涛")


@pytest.mark.rule("F24", "REL-01")
@pytest.mark.fault("F24", "2 processes, 50 writers: no “database is locked”, and limits hold as elsewhere")
def test_fifty_who_write_at_once_find_no_locked_database(bureau, tmp_path, seen):
    with sqlite_world(bureau, tmp_path, processes=2) as portal:
        answers = []
        for _ in range(count(1, 5)):
            answers += at_once(50, lambda number: portal.browser().sign_in_by_password(WHO[number % len(WHO)]))
        broken = [answer for answer in answers if isinstance(answer, NoAnswer)]
        wrong = at_once(20, lambda _number: portal.browser().give_enterprise_password("MH", "Wrong-2026-wrong"))
        locked = portal.browser().give_enterprise_password("MH")
        said = portal.log.count("database is locked")
        told = [answer for answer in answers if not isinstance(answer, NoAnswer)]
        statuses = sorted({answer.status for answer in told})
        seen(sign_ins=len(told), slowest=f"{max(a.seconds for a in told):.1f} s", statuses=statuses, locked_errors=said)
        assert broken == []
        assert [answer.location for answer in told] == ["/"] * len(told)
        assert said == 0
        assert {answer.status for answer in wrong} == {400}
        assert locked.status == 400
        assert portal.integrity() == "ok"
