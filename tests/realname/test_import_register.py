"""The tax register comes into the database as it is, as often as it is sent, and no line spoils another."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Person
from realname import register
from realname.models import RealNameRecord
from realname.register import ImportResult, Tally, import_register
from realname.register_lines import BadLine, RegisterReader
from tests.realname.registers import (
    FIRM,
    HAN,
    LU,
    OTHER_FIRM,
    basis,
    clerks,
    csv_lines,
    firms,
    json_lines,
    people,
    person,
    post,
    posts,
    resident,
    take,
    taxpayer,
)

pytestmark = [pytest.mark.django_db, pytest.mark.rule("D34")]

ENDED = "2026-10-31"


def human(id_number: str) -> Person:
    return Person.objects.by_id_number("resident", id_number).get()


def everything() -> list[Any]:
    """All that the register says of these firms and people, in clear and without keys."""
    return [
        *firms().values_list("code", "name", "kind"),
        *((p.name, p.id_type, p.id_number) for p in people()),
        *((p.taxpayer.code, p.person.id_number, p.position, p.mobile, p.landline, p.since, p.until) for p in posts()),
    ]


def as_stored() -> list[Any]:
    """The rows as the database has them, sealed."""
    rows: list[Any] = []
    with connection.cursor() as cursor:
        for table in ("accounts_taxpayer", "accounts_person", "realname_post"):
            cursor.execute(f"SELECT * FROM {table} ORDER BY id")
            rows += cursor.fetchall()
    return rows


def test_taxpayers_people_and_posts_are_loaded():
    result, bad = take(*basis(), post(), post(LU, "clerk", taxpayer=OTHER_FIRM, landline="024-1", until=ENDED))
    assert not bad
    assert result == ImportResult(taxpayers=Tally(added=2), people=Tally(added=2), posts=Tally(added=2))
    assert everything() == [
        (FIRM, "沈阳听涛科技有限公司", "enterprise"),
        (OTHER_FIRM, "沈阳望岳机械制造有限公司", "enterprise"),
        ("韩冬梅", "resident", HAN),
        ("陆一鸣", "resident", LU),
        (FIRM, HAN, "legal_rep", "19900000001", "", date(2026, 1, 5), None),
        (OTHER_FIRM, LU, "clerk", "19900000001", "024-1", date(2026, 1, 5), date(2026, 10, 31)),
    ]


@pytest.mark.rule("M19", "D5", "D22")
def test_the_register_opens_nothing_and_proves_no_phone():
    take(*basis(), post())
    assert not firms().filter(opened_at__isnull=False).exists()
    assert not firms().filter(credential__isnull=False).exists()
    assert {p.phone for p in people()} == {""}
    assert not RealNameRecord.objects.filter(person__in=people()).exists()


def test_a_second_run_changes_nothing_and_says_so():
    records = [*basis(), post(), post(LU, "clerk", until=ENDED)]
    take(*records)
    before = as_stored()
    result, bad = take(*records)
    assert not bad
    assert result == ImportResult(taxpayers=Tally(unchanged=2), people=Tally(unchanged=2), posts=Tally(unchanged=2))
    assert result.changes_nothing
    assert as_stored() == before


def test_csv_and_json_lines_load_the_same():
    records = [*basis(), post(), post(LU, "clerk", landline="024-12345678", until=ENDED)]
    take(*records)
    loaded = everything()
    result = import_register(RegisterReader(csv_lines(*records), as_csv=True))
    assert result.changes_nothing
    posts().delete()
    import_register(RegisterReader(csv_lines(*records), as_csv=True))
    assert everything() == loaded


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 1000])
def test_the_size_of_a_batch_makes_no_difference(batch_size):
    records = [
        *basis(),
        post(),
        post(position="boss"),
        taxpayer(name="沈阳听涛科技股份有限公司"),
        post(LU, "finance"),
        post(HAN, "finance"),
        post(until=ENDED),
        post(LU, since="2026-11-01"),
        person(LU, name="陆一明"),
    ]
    result, bad = take(*records, batch_size=batch_size)
    assert [(line.number, line.code) for line in bad] == [(6, "unknown_position"), (9, "second_finance")]
    assert result == ImportResult(
        taxpayers=Tally(added=2, changed=1),
        people=Tally(added=2, changed=1),
        posts=Tally(added=3, changed=1),
        bad=2,
    )
    assert everything()[2:] == [
        ("韩冬梅", "resident", HAN),
        ("陆一明", "resident", LU),
        (FIRM, LU, "finance", "19900000001", "", date(2026, 1, 5), None),
        (FIRM, HAN, "legal_rep", "19900000001", "", date(2026, 1, 5), date(2026, 10, 31)),
        (FIRM, LU, "legal_rep", "19900000001", "", date(2026, 11, 1), None),
    ]


def test_names_and_kinds_of_taxpayers_come_from_the_register():
    take(taxpayer())
    firms().update(opened_at=timezone.now())
    opened = firms().get().opened_at
    result, _bad = take(taxpayer(name="沈阳听涛税务师事务所", kind="agency"))
    assert result.taxpayers == Tally(changed=1)
    firm = firms().get()
    assert (firm.name, firm.kind, firm.opened_at) == ("沈阳听涛税务师事务所", "agency", opened)


@pytest.mark.rule("M17")
def test_a_name_follows_the_register_until_the_identity_was_seen():
    take(person())
    assert take(person(name="韩东梅"))[0].people == Tally(changed=1)
    record = RealNameRecord.objects.create(person=human(HAN), method=RealNameRecord.Method.COUNTER)
    result, [bad] = take(person(name="韩东明"), person(name="韩东梅"))
    assert (bad.number, bad.code) == (1, "name_differs")
    assert result == ImportResult(people=Tally(unchanged=1), bad=1)
    assert human(HAN).name == "韩东梅"
    record.revoked_at = timezone.now()
    record.save()
    assert take(person(name="韩东明"))[0].people == Tally(changed=1)
    assert human(HAN).name == "韩东明"


@pytest.mark.rule("D33")
def test_a_person_kept_under_an_older_key_is_found(settings):
    take(person())
    settings.LOOKUP_KEYS = ["newer:" + "A" * 43 + "=", *settings.LOOKUP_KEYS]
    assert take(person())[0].people == Tally(unchanged=1)
    assert people().count() == 1


@pytest.mark.rule("M91", "M92", "D18")
def test_phones_and_the_end_of_a_post_are_brought_in_line_and_stay_sealed():
    take(*basis(), post(position="finance"))
    linked = timezone.now()
    posts().update(linked_at=linked)
    result, _bad = take(post(position="finance", mobile="", landline="19900000001", until=ENDED))
    assert result.posts == Tally(changed=1)
    found = posts().get()
    assert (found.mobile, found.landline, found.until, found.linked_at) == (
        "",
        "19900000001",
        date(2026, 10, 31),
        linked,
    )
    assert "19900000001" not in str(as_stored())
    assert take(post(position="finance"))[0].posts == Tally(changed=1)
    assert posts().get().until is None


@pytest.mark.rule("D20")
def test_a_line_that_is_missing_ends_no_post():
    take(*basis(), post())
    take(*basis())
    assert posts().get().until is None


def test_a_post_of_the_same_person_from_another_day_is_another_post():
    take(*basis(), post(until=ENDED))
    assert take(post(since="2026-11-01"))[0].posts == Tally(added=1)
    assert posts().count() == 2


def test_a_post_is_bad_when_its_taxpayer_or_person_is_not_known():
    result, bad = take(post(), taxpayer(), post(), person(), post())
    assert [(line.number, line.code) for line in bad] == [(1, "taxpayer_unknown"), (3, "person_unknown")]
    assert (result.posts, result.bad) == (Tally(added=1), 2)


@pytest.mark.rule("D31")
@pytest.mark.parametrize(
    ("position", "second", "code"),
    [
        ("legal_rep", LU, "second_legal_rep"),
        ("finance", LU, "second_finance"),
        ("clerk", HAN, "second_clerk_post"),
    ],
)
def test_a_second_open_post_where_there_can_be_one_only_is_bad_alone(position, second, code):
    around = clerks(9)
    result, [bad] = take(*basis(), post(HAN, position), *around, post(second, position, since="2026-02-01"), *around)
    assert (bad.number, bad.code) == (24, code)
    assert result.posts == Tally(added=10, unchanged=9)
    assert not posts().filter(since=date(2026, 2, 1)).exists()


@pytest.mark.rule("D20")
@pytest.mark.parametrize("spoilt", [False, True])
def test_a_successor_may_stand_before_the_end_of_his_predecessor_in_one_batch(spoilt):
    take(*basis(), post(HAN))
    other = [post(LU, "finance", taxpayer=OTHER_FIRM), post(HAN, "finance", taxpayer=OTHER_FIRM)]
    result, bad = take(post(LU, since="2026-11-01"), *other[: 1 + spoilt], post(HAN, until=ENDED))
    assert [line.code for line in bad] == ["second_finance"] * spoilt
    assert result.posts == Tally(added=2, changed=1)
    assert posts().open().get(position="legal_rep").person == human(LU)


def test_the_last_word_on_a_post_holds_when_an_earlier_one_was_refused():
    take(*basis(), post(HAN))
    spoiler = [post(LU, "finance", taxpayer=OTHER_FIRM), post(HAN, "finance", taxpayer=OTHER_FIRM)]
    _result, bad = take(post(LU), *spoiler, post(LU, until=ENDED), post(HAN, until=ENDED))
    assert [(line.number, line.code) for line in bad] == [(1, "second_legal_rep"), (3, "second_finance")]
    assert set(posts().filter(position="legal_rep").values_list("until", flat=True)) == {date(2026, 10, 31)}


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_what_somebody_else_has_added_meanwhile_is_found_at_the_second_look(monkeypatch, batch_size):
    looks, look = [], register._people

    def too_early(identities: set[Any]) -> Any:
        looks.append(len(identities))
        return {} if len(looks) == 1 else look(identities)

    take(person())
    monkeypatch.setattr(register, "_people", too_early)
    result, bad = take(person(), person(LU, name="陆一鸣"), batch_size=batch_size)
    assert not bad
    assert result.people == Tally(added=1, unchanged=1)


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs transactions side by side")
@pytest.mark.django_db(transaction=True)
def test_two_imports_of_one_file_at_once_load_it_once():
    records, start = [*basis(), *clerks(300)], Barrier(2)

    def one() -> tuple[ImportResult, list[BadLine]]:
        try:
            start.wait(timeout=10)
            return take(*records, batch_size=100)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        (first, bad), (second, also_bad) = [run.result(timeout=60) for run in [pool.submit(one), pool.submit(one)]]
    assert bad == also_bad == []
    both = first + second
    assert both.taxpayers == Tally(added=2, unchanged=2)
    assert both.people == Tally(added=302, unchanged=302)
    assert both.posts == Tally(added=300, unchanged=300)


def test_a_batch_takes_a_handful_of_queries_however_many_lines_it_has(django_assert_max_num_queries):
    few, many = [taxpayer(), *clerks(40)], [taxpayer(), *clerks(450)]
    with django_assert_max_num_queries(12):
        take(*few)
    with django_assert_max_num_queries(30):  # SQLite takes a thousand values in one statement
        take(*many)
    changed = [
        record if "person" in record else post(record["post"]["id_number"], "clerk", mobile="") for record in many[1:]
    ]
    with django_assert_max_num_queries(20):
        assert take(*changed)[0].posts == Tally(changed=450)
    with django_assert_max_num_queries(8):
        assert take(*changed)[0].changes_nothing


class Told:
    """A file that tells how many of its lines were taken."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self.taken = 0

    def readline(self, limit: int, /) -> bytes:
        self.taken += 1
        return next(self._lines, b"")


def test_the_file_is_read_as_a_stream_a_batch_at_a_time():
    told = Told(json_lines(person(resident(serial))).getvalue() for serial in range(200))
    taken, before = [], Person.objects.count()

    def after_batch() -> None:
        taken.append((told.taken, Person.objects.count() - before))

    import_register(RegisterReader(told, as_csv=False), batch_size=50, on_batch=after_batch)
    assert taken == [(50, 50), (100, 100), (150, 150), (200, 200)]


def test_the_texts_of_queries_do_not_pile_up_where_debug_keeps_them(settings):
    settings.DEBUG = True
    take(*basis(), post())
    assert connection.queries == []


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite plans without counting rows")
def test_the_planner_is_told_whenever_twice_as_much_has_come():
    records = [taxpayer(code=f"9121010{n:011}") for n in range(40)]
    with CaptureQueriesContext(connection) as asked:
        take(*records, batch_size=1)
    looks = [query["sql"] for query in asked if query["sql"].startswith("ANALYZE")]
    assert len(looks) == 2  # after 16 and after 32
    assert all("realname_post" in look for look in looks)
