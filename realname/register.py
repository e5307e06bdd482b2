"""Taking the tax register into the database: taxpayers, people, and who works where (D34).

The register is right about names, kinds, phones and ends of posts (D20, D31), with one exception: the name of somebody
whose identity was seen is not changed by it. It opens no taxpayer, and a line that is missing ends nothing.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, models, reset_queries, transaction
from django.utils.translation import gettext as _

from accounts import sealing
from accounts.models import Person, Taxpayer
from realname.models import Position, Post, RealNameRecord
from realname.register_lines import BadLine, Identity, Line, PersonLine, PostKey, PostLine, TaxpayerLine, code_of

BATCH = 1000
_FIRST_LOOK = 16

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many records of one kind were added, changed, or as the register says already."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.added + other.added, self.changed + other.changed, self.unchanged + other.unchanged)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did: one tally for each kind of record, and how many lines were bad."""

    taxpayers: Tally = Tally()
    people: Tally = Tally()
    posts: Tally = Tally()
    bad: int = 0

    def __add__(self, other: "ImportResult") -> "ImportResult":
        return ImportResult(
            taxpayers=self.taxpayers + other.taxpayers,
            people=self.people + other.people,
            posts=self.posts + other.posts,
            bad=self.bad + other.bad,
        )

    @property
    def changes_nothing(self) -> bool:
        """Whether the database already held everything that the good lines say."""
        tallies = (self.taxpayers, self.people, self.posts)
        return not any(tally.added or tally.changed for tally in tallies)


def import_register(
    lines: Iterable[Line | BadLine],
    *,
    batch_size: int = BATCH,
    on_bad: Callable[[BadLine], None] = lambda bad: None,
    on_batch: Callable[[], None] = lambda: None,
) -> ImportResult:
    """Take the lines of the register, `batch_size` of them in one transaction, and say what that changed (D34).

    A bad line is told to `on_bad` after its batch, in the order of the file, and the rest goes on; `on_batch` is called
    after each batch. A line may refer to what stands before it in the file or is in the database already. What one
    batch holds in memory doesn't depend on the length of the file.
    """
    result = ImportResult()
    source = iter(lines)
    done = 0
    while batch := list(islice(source, batch_size)):
        good = [line for line in batch if not isinstance(line, BadLine)]
        outcome = _import_batch(good) if good else _Outcome()
        bad = [line for line in batch if isinstance(line, BadLine)] + list(outcome.bad)
        result += outcome.result + ImportResult(bad=len(bad))
        for line in sorted(bad, key=lambda line: line.number):
            on_bad(line)
        _forget_queries()
        done += 1
        _tell_the_planner(done)
        on_batch()
    return result


def _forget_queries() -> None:
    """With DEBUG on, Django keeps the text of the last 9,000 queries, which here are long: unless somebody counts."""
    if settings.DEBUG and not connection.force_debug_cursor:
        reset_queries()


def _tell_the_planner(batches: int) -> None:
    """Have PostgreSQL look at its tables whenever twice as much is done, from the sixteenth batch on.

    A large file outruns the server's own look: planned as if they were empty, the tables are read from end to end.
    """
    if connection.vendor == "postgresql" and batches >= _FIRST_LOOK and batches.bit_count() == 1:
        names = ", ".join(connection.ops.quote_name(model._meta.db_table) for model in (Taxpayer, Person, Post))
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {names}")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of some lines: done, bad with a reason, or refused by the database."""

    result: ImportResult = ImportResult()
    bad: tuple[BadLine, ...] = ()
    refused: tuple[Line, ...] = ()

    def __add__(self, other: "_Outcome") -> "_Outcome":
        return _Outcome(self.result + other.result, self.bad + other.bad, self.refused + other.refused)


def _import_batch(lines: Sequence[Line]) -> _Outcome:
    """All lines in one transaction, without those that the database refuses: they are bad, and nothing else is."""
    with transaction.atomic():
        first = _settle(lines)
        again = _second_chance(first.refused, lines)
        second = _settle(again) if again else _Outcome()
    retried = set(again)
    refused = [line for line in first.refused if line not in retried] + list(second.refused)
    conflicts = tuple(_conflict(line) for line in refused)
    return _Outcome(first.result + second.result, first.bad + second.bad + conflicts)


def _settle(lines: Sequence[Line]) -> _Outcome:
    """Write the lines at once; if the database refuses that, each half for itself, down to the line it refuses."""
    try:
        with transaction.atomic():
            return _write(lines)
    except (IntegrityError, DataError):
        if len(lines) == 1:
            return _Outcome(refused=(lines[0],))
        middle = len(lines) // 2
        return _settle(lines[:middle]) + _settle(lines[middle:])


def _second_chance(refused: Iterable[Line], lines: Iterable[Line]) -> list[Line]:
    """The refused posts that a later line of the same batch may have made room for by ending another.

    A whole batch is written as if its ends came first; this makes it so too when another line of it was refused. A
    taxpayer or person is only refused when somebody else has just added the same: the second look finds it.
    """
    posts = [line for line in lines if isinstance(line, PostLine)]
    ended = {post.code for post in posts if post.until}
    last = {post.key: post.number for post in posts}
    return [
        line
        for line in refused
        if not isinstance(line, PostLine) or (line.code in ended and last[line.key] == line.number)
    ]


def _conflict(line: Line) -> BadLine:
    """Why the database refuses a line: nearly always a second open post where there can be one only (D31)."""
    if not isinstance(line, PostLine) or line.until:
        return BadLine(line.number, "conflict", _("与已有的登记信息冲突。"))
    if line.position == Position.LEGAL_REP:
        return BadLine(line.number, "second_legal_rep", _("该纳税人已有在任的法定代表人（业主），须先有其截止日期。"))
    if line.position == Position.FINANCE:
        return BadLine(line.number, "second_finance", _("该纳税人已有在任的财务负责人，须先有其截止日期。"))
    return BadLine(line.number, "second_clerk_post", _("该人员已是该纳税人在任的办税员，须先有其截止日期。"))


class _Shelf(Generic[Key, Row]):
    """The rows of one model that a batch speaks of: those there are, those to add, those to change."""

    def __init__(self, rows: dict[Key, Row]) -> None:
        self.rows = rows
        self.added: list[Row] = []
        self.changed: dict[int, Row] = {}
        self.tally = Tally()

    def add(self, key: Key, row: Row) -> None:
        """Have a row that wasn't there."""
        self.rows[key] = row
        self.added.append(row)
        self.tally += Tally(added=1)

    def change(self, row: Row, **values: Any) -> None:
        """Bring a row in line, and have it written only when something differs."""
        differing = {name: value for name, value in values.items() if getattr(row, name) != value}
        for name, value in differing.items():
            setattr(row, name, value)
        if differing and row.pk is not None:
            self.changed[row.pk] = row
        self.tally += Tally(changed=1) if differing else Tally(unchanged=1)


@dataclass(frozen=True, slots=True)
class _Shelves:
    """All that a batch speaks of. `seen` are those of its people whose identity was seen, so that their name stays."""

    taxpayers: _Shelf[str, Taxpayer]
    people: _Shelf[Identity, Person]
    posts: _Shelf[PostKey, Post] = field(default_factory=lambda: _Shelf({}))
    seen: frozenset[int] = frozenset()

    def put(self, line: Line) -> None:
        """Do what a line says, in memory. Raises ValidationError when it can't be done."""
        match line:
            case TaxpayerLine():
                self._put_taxpayer(line)
            case PersonLine():
                self._put_person(line)
            case PostLine():
                self._put_post(line)

    def _put_taxpayer(self, line: TaxpayerLine) -> None:
        taxpayer = self.taxpayers.rows.get(line.code)
        if taxpayer is None:
            self.taxpayers.add(line.code, Taxpayer(code=line.code, name=line.name, kind=line.kind))
        else:
            self.taxpayers.change(taxpayer, name=line.name, kind=line.kind)

    def _put_person(self, line: PersonLine) -> None:
        person = self.people.rows.get(line.identity)
        if person is None:
            person = Person(name=line.name, id_type=line.id_type, id_number=line.id_number)
            self.people.add(line.identity, person)
            return
        if person.pk in self.seen and person.name != line.name:
            raise ValidationError(_("姓名与实名采集信息不一致，未作修改。"), code="name_differs")
        self.people.change(person, name=line.name)

    def _put_post(self, line: PostLine) -> None:
        taxpayer, person = self.taxpayers.rows.get(line.code), self.people.rows.get(line.identity)
        if taxpayer is None:
            raise ValidationError(_("没有该纳税人的登记信息。"), code="taxpayer_unknown")
        if person is None:
            raise ValidationError(_("没有该人员的登记信息。"), code="person_unknown")
        post = self.posts.rows.get(line.key)
        if post is None:
            post = Post(taxpayer=taxpayer, person=person, position=line.position, since=line.since)
            post.mobile, post.landline, post.until = line.mobile, line.landline, line.until
            self.posts.add(line.key, post)
        else:
            self.posts.change(post, mobile=line.mobile, landline=line.landline, until=line.until)

    def save(self) -> None:
        """Write what is new and what differs. Ends of posts come first: they make room for their successors."""
        Taxpayer.objects.bulk_create(self.taxpayers.added)
        _update(Taxpayer, self.taxpayers.changed.values(), "name", "kind")
        Person.objects.bulk_create(self.people.added)
        _update(Person, self.people.changed.values(), "name")
        changed = self.posts.changed.values()
        _update(Post, [post for post in changed if post.until], "mobile", "landline", "until")
        _update(Post, [post for post in changed if not post.until], "mobile", "landline", "until")
        Post.objects.bulk_create(self.posts.added)


def _write(lines: Sequence[Line]) -> _Outcome:
    """Do what the lines say, in a fixed handful of queries for each of a few hundred of them."""
    shelves = _load(lines)
    bad = []
    for line in lines:
        try:
            shelves.put(line)
        except ValidationError as error:
            bad.append(BadLine(line.number, code_of(error), error.messages[0]))
    shelves.save()
    result = ImportResult(shelves.taxpayers.tally, shelves.people.tally, shelves.posts.tally)
    return _Outcome(result, tuple(bad))


def _load(lines: Sequence[Line]) -> _Shelves:
    """What the database knows of everything that the lines speak of."""
    posts = [line for line in lines if isinstance(line, PostLine)]
    names = [line for line in lines if isinstance(line, PersonLine)]
    taxpayers = _taxpayers({line.code for line in lines if not isinstance(line, PersonLine)})
    people = _people({line.identity for line in lines if not isinstance(line, TaxpayerLine)})
    return _Shelves(
        taxpayers=_Shelf(taxpayers),
        people=_Shelf(people),
        posts=_Shelf(_posts(posts, taxpayers, people)),
        seen=_seen(names, people),
    )


def _taxpayers(codes: set[str]) -> dict[str, Taxpayer]:
    found = Taxpayer.objects.filter(code__in=codes).only("code", "name", "kind")
    return {taxpayer.code: taxpayer for taxpayer in found}


def _people(identities: set[Identity]) -> dict[Identity, Person]:
    """The known ones of these people, found by hash under any key of the ring (D33)."""
    hashes = {
        (id_type, hashed): (id_type, number)
        for id_type, number in identities
        for hashed in sealing.lookup_hashes(number)
    }
    id_types, values = {id_type for id_type, _number in identities}, [hashed for _type, hashed in hashes]
    found = Person.objects.filter(id_type__in=id_types, id_number_hash__in=values)
    known = {}
    for person in found.only("name", "id_type", "id_number_hash"):
        identity = hashes.get((person.id_type, person.id_number_hash))
        if identity:
            known[identity] = person
    return known


def _posts(
    lines: Iterable[PostLine], taxpayers: dict[str, Taxpayer], people: dict[Identity, Person]
) -> dict[PostKey, Post]:
    lines = [line for line in lines if line.code in taxpayers and line.identity in people]
    codes = {taxpayers[line.code].pk: line.code for line in lines}
    identities = {people[line.identity].pk: line.identity for line in lines}
    since = {line.since for line in lines}
    found = Post.objects.filter(taxpayer__in=codes, person__in=identities, since__in=since)
    return {
        (codes[post.taxpayer_id], *identities[post.person_id], post.position, post.since): post
        for post in found.defer("linked_at")
    }


def _seen(lines: Iterable[PersonLine], people: dict[Identity, Person]) -> frozenset[int]:
    """Which of the people whose name would change have a valid real-name record; they stay locked until it is done."""
    differing = {
        person.pk for line in lines if (person := people.get(line.identity)) is not None and person.name != line.name
    }
    if not differing:
        return frozenset()
    locked = Person.objects.select_for_update(no_key=True).filter(pk__in=differing).order_by("pk")
    list(locked.values_list("pk"))
    records = RealNameRecord.objects.filter(person__in=differing, revoked_at__isnull=True)
    return frozenset(records.values_list("person_id", flat=True))


def _update(model: type[models.Model], rows: Iterable[models.Model], *fields: str) -> None:
    """Write these columns of the rows, in the order of their keys, so that two writers don't wait for each other."""
    in_order = sorted(rows, key=lambda row: row.pk)
    if in_order:
        model._default_manager.bulk_update(in_order, fields)
