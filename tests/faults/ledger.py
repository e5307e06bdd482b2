"""The ledger: writes down every act that the portal acknowledged, and holds the database against it afterwards."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.browser import Answer, Browser, NoAnswer


@dataclass(slots=True)
class Ledger:
    """What was acknowledged, by the request's number, and what wasn't."""

    portal: object
    acknowledged: dict[str, tuple[str, str]] = field(default_factory=dict)
    refused: int = 0
    unknown: int = 0
    unseen: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    slowest: float = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, act: str, uid: str, answer: Answer | None) -> None:
        """Write down how one act was answered; None where no answer came."""
        with self._lock:
            if answer is None:
                self.unknown += 1
                return
            self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
            self.slowest = max(self.slowest, answer.seconds)
            if answer.status == 302 and answer.location == "/staff/":
                self.acknowledged[answer.request_id] = (act, uid)
            else:
                self.refused += 1

    @property
    def tried(self) -> int:
        """How many acts were tried."""
        return len(self.acknowledged) + self.refused + self.unknown

    def clerks(self) -> list[str]:
        """The public ids of the clerks to act on."""
        rows = self.portal.sql(
            "SELECT m.uid FROM staff_membership m JOIN accounts_person p ON p.id = m.person_id "
            "WHERE p.name LIKE '员工%%' ORDER BY m.id"
        )
        return [str(uid) for (uid,) in rows]

    def page_for(self, browser: Browser, uid: str) -> tuple[str, Answer | None]:
        """The act that is due on this clerk, freezing or unfreezing, and its page; None where it couldn't be seen."""
        act = "freeze"
        try:
            shown = browser.get(f"/staff/members/{uid}/")
            if f"/staff/members/{uid}/unfreeze/" in shown.text:
                act = "unfreeze"
            page = browser.get(f"/staff/members/{uid}/{act}/")
        except NoAnswer:
            return act, None
        return act, page if shown.status == page.status == 200 else None

    def send(self, browser: Browser, act: str, uid: str, page: Answer) -> None:
        """Send the act's form, and write down how it was answered."""
        try:
            self.note(act, uid, browser.post(f"/staff/members/{uid}/{act}/", {}, page=page))
        except NoAnswer:
            self.note(act, uid, None)

    def act(self, browser: Browser, uid: str) -> None:
        """Freeze who isn't frozen, or the other way round; nothing where the page couldn't be seen."""
        act, page = self.page_for(browser, uid)
        if page is None:
            self.unseen += 1
        else:
            self.send(browser, act, uid, page)

    def broken_act(self, browser: Browser, uid: str, broken_off: Callable[[], object], after: float) -> None:
        """An act during which something is broken so many seconds after its form was sent."""
        act, page = self.page_for(browser, uid)
        if page is None:
            self.unseen += 1
            return
        sending = threading.Thread(target=self.send, args=(browser, act, uid, page), daemon=True)
        sending.start()
        time.sleep(after)
        broken_off()
        sending.join(90)

    def usual_seconds(self, browser: Browser, uids: list[str]) -> float:
        """How long a form takes while nothing is broken."""
        for uid in uids:
            self.act(browser, uid)
        return self.slowest

    def work(self, browser: Browser, clerks: list[str], done: threading.Event, seed: int = 0) -> threading.Thread:
        """One act after another on these clerks, in a thread of its own, until `done` is set."""
        chance = random.Random(seed)

        def go_on() -> None:
            while not done.is_set():
                self.act(browser, chance.choice(clerks))

        thread = threading.Thread(target=go_on, daemon=True)
        thread.start()
        return thread

    def differences(self) -> list[str]:
        """What is acknowledged and not in the record, and where staff rows and record don't agree."""
        found = self.portal.sql(
            "SELECT request_id FROM accounts_auditentry WHERE kind IN ('member_frozen', 'member_unfrozen') "
            "AND result = 'done'"
        )
        recorded = {request_id for (request_id,) in found}
        wrong = [
            f"lost: {act} {uid} {number}" for number, (act, uid) in self.acknowledged.items() if number not in recorded
        ]
        rows = self.portal.sql(
            "SELECT m.uid, m.version, m.frozen_at IS NOT NULL, count(a.seq), "
            "(array_agg(a.kind ORDER BY a.seq DESC))[1] FROM staff_membership m "
            "JOIN accounts_person p ON p.id = m.person_id LEFT JOIN accounts_auditentry a ON a.target_id = p.id "
            "AND a.result = 'done' AND a.kind IN ('member_frozen', 'member_unfrozen') "
            "WHERE p.name LIKE '员工%%' GROUP BY m.id"
        )
        for uid, version, frozen, entries, last in rows:
            if version != entries + 1 or frozen != (last == "member_frozen"):
                wrong.append(f"{uid}: version {version}, frozen {frozen}, {entries} entries, the last {last}")
        return wrong

    def __str__(self) -> str:
        return f"{self.tried} acts, {len(self.acknowledged)} acknowledged, {self.unknown} without an answer"
