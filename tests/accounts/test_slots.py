"""Hash slots: how many may hash at once, who is turned away, and how a slot comes back (PW-03, F19, F20)."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.urls import reverse

from accounts import passwords, slots
from accounts.models import AuditEntry, UsedPicture
from tests import cast

ROOT = Path(__file__).resolve().parent.parent.parent
HOLDER = """
import sys
from accounts.slots import slot
with slot():
    print("in", flush=True)
    sys.stdin.read()
"""


class Crowd:
    """Threads that want a slot at the same time; `most` is how many held one at once.

    Those inside wait for the `expected` number to be in, and a little longer for one too many.
    """

    def __init__(self, expected: int) -> None:
        self.most = self.inside = self.served = 0
        self._expected = expected
        self._full = threading.Event()
        self._count = threading.Lock()

    def _use(self, start: threading.Barrier) -> None:
        start.wait(10)
        with slots.slot():
            with self._count:
                self.inside += 1
                self.most = max(self.most, self.inside)
                if self.inside == self._expected:
                    self._full.set()
            self._full.wait(5)
            threading.Event().wait(0.02)
            with self._count:
                self.inside -= 1
                self.served += 1

    def rush(self, size: int) -> None:
        """Let them all in at once, and wait for the last."""
        start = threading.Barrier(size)
        threads = [threading.Thread(target=self._use, args=(start,)) for _ in range(size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)


@contextmanager
def other_process(folder: Path, **environment: str) -> Iterator[subprocess.Popen]:
    """Another process of the portal that holds a slot until it is told otherwise."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "etax.settings", "VAR_DIR": str(folder), **environment}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "in\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.rule("PW-03")
@pytest.mark.parametrize("size", [1, 2, 3])
def test_never_more_threads_hash_at_once_than_there_are_slots(settings, size):
    settings.HASH_SLOTS = size
    crowd = Crowd(size)
    crowd.rush(9)
    assert crowd.most == size
    assert crowd.served == 9


@pytest.mark.rule("PW-03")
def test_there_are_no_more_slots_than_cores(settings):
    assert 1 <= settings.HASH_SLOTS <= os.cpu_count()


@pytest.mark.rule("PW-03")
def test_processes_share_the_slots_and_a_killed_one_gives_its_back(settings, own_folder):
    settings.HASH_SLOTS = 2
    with other_process(own_folder, HASH_SLOTS="2") as process:
        crowd = Crowd(1)
        crowd.rush(6)
        assert crowd.most == 1
        process.kill()
        process.wait(10)
        crowd = Crowd(2)
        crowd.rush(6)
        assert crowd.most == 2


@pytest.mark.rule("PW-03")
def test_whoever_finds_no_slot_in_time_is_turned_away_and_may_come_again(settings):
    settings.HASH_SLOTS, settings.HASH_WAIT_SECONDS = 1, 0.02
    with slots.slot(), pytest.raises(slots.Busy), slots.slot():
        pytest.fail("two in one slot")
    with slots.slot():
        pass
    assert slots.Busy.retry_after <= 2


@pytest.mark.rule("PW-03")
def test_a_full_waiting_room_turns_the_next_away_at_once(settings):
    settings.HASH_SLOTS = django_settings.HASH_QUEUE + 10  # slots are free, places to wait are not
    with ExitStack() as everybody:
        for _ in range(django_settings.HASH_QUEUE):
            everybody.enter_context(slots.slot())
        with pytest.raises(slots.Busy), slots.slot():
            pytest.fail("one too many")
    with slots.slot():
        pass


@pytest.mark.rule("PW-03")
def test_being_turned_away_takes_no_place_in_the_waiting_room(settings):
    settings.HASH_SLOTS, settings.HASH_WAIT_SECONDS = 1, -1
    with slots.slot():
        for _ in range(django_settings.HASH_QUEUE + 1):
            with pytest.raises(slots.Busy), slots.slot():
                pytest.fail("two in one slot")
    with slots.slot():
        pass


@pytest.mark.rule("PW-03")
def test_a_slot_comes_back_after_an_exception(settings):
    settings.HASH_SLOTS, settings.HASH_WAIT_SECONDS = 1, 0.02
    for _ in range(django_settings.HASH_QUEUE + 1):
        with pytest.raises(ZeroDivisionError), slots.slot():
            raise ZeroDivisionError
    with slots.slot():
        pass


@pytest.mark.rule("PW-03")
def test_hashing_and_judging_wait_for_a_slot(db, settings, argon2_runs):
    credential = passwords.store(None, passwords.hash_new("Gutes-Wetter-7"))
    passwords.check(None, "to warm up")
    settings.HASH_SLOTS, settings.HASH_WAIT_SECONDS = 1, 0.01
    argon2_runs.clear()
    with slots.slot():
        for act in (
            lambda: passwords.hash_new("Gutes-Wetter-7"),
            lambda: passwords.check(credential, "Gutes-Wetter-7"),
            lambda: passwords.check(None, "Gutes-Wetter-7"),
        ):
            with pytest.raises(slots.Busy):
                act()
    assert argon2_runs == []


@pytest.mark.rule("PW-03", "CAP-03")
def test_a_busy_portal_answers_503_and_a_wrong_picture_is_judged_before_any_hash(visitor, settings):
    settings.HASH_SLOTS, settings.HASH_WAIT_SECONDS = 1, 0.01
    with slots.slot():
        answer = visitor.give_enterprise_password("HC")
        assert answer.status_code == 503
        assert answer["Retry-After"] == "2"
        assert not AuditEntry.objects.exists()
        assert visitor.give_enterprise_password("HC", captcha="WRONG").status_code == 400
    assert UsedPicture.objects.count() == 2
    assert visitor.give_enterprise_password("HC").url == reverse("staff:choose_person")
    assert AuditEntry.objects.get().taxpayer == cast.taxpayer("HC")
