"""Questions to the database that are composed once and asked with other values each time.

Django makes the words of a query anew for every request, which for the larger ones costs ten times what PostgreSQL then
takes to answer. Where every page asks the same, the words are kept, and only the values change.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Generic, TypeVar

from django.db import connections
from django.db.models import Expression, Field, QuerySet

_Row = TypeVar("_Row")


class Given(Expression):
    """A value that is given only when the question is asked: `name` says which, `field` how the database takes it.

    Stands in a filter where the value would. None can't be given: SQL asks for it in other words.
    """

    def __init__(self, name: str, field: "Field[Any, Any]", plus: timedelta | None = None) -> None:
        super().__init__(output_field=field)
        self.name, self.plus = name, plus

    def later(self, by: timedelta) -> "Given":
        """So much after the day or moment that is given."""
        return Given(self.name, self.output_field, by)

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """A place for the value, and this expression itself where the value will be."""
        return "%s", [self]

    def prepared(self, value: Any, connection: Any) -> Any:
        """The value as this database takes it."""
        moved = value if self.plus is None else value + self.plus
        return self.output_field.get_db_prep_value(moved, connection=connection)


class _Words:
    """A query in the words of one database, and what it takes to make objects of its rows."""

    def __init__(self, question: QuerySet[Any, Any], connection: Any) -> None:
        self.connection = connection
        self._compiler = question.query.get_compiler(connection=connection)
        self._sql, self._values = self._compiler.as_sql()
        columns = [column[0] for column in self._compiler.select]
        self._converters = self._compiler.get_converters(columns)
        self.select, self.klass_info = self._compiler.select, self._compiler.klass_info
        self.annotation_col_map = self._compiler.annotation_col_map

    def rows(self, given: dict[str, Any]) -> list[Any]:
        """The rows of the answer, each value as its field makes it. Raises KeyError for a value that is missing."""
        values = [
            each.prepared(given[each.name], self.connection) if isinstance(each, Given) else each
            for each in self._values
        ]
        with self.connection.cursor() as cursor:
            cursor.execute(self._sql, values)
            found = cursor.fetchall()
        return list(self._compiler.apply_converters(found, self._converters)) if self._converters else found


class _Answer:
    """Stands for the compiler of a query whose rows are here already: Django makes its objects of them."""

    def __init__(self, words: _Words, rows: list[Any]) -> None:
        self._rows = rows
        self.select, self.klass_info = words.select, words.klass_info
        self.annotation_col_map = words.annotation_col_map

    def get_compiler(self, *_args: object, **_options: object) -> "_Answer":
        """Itself: it stands for the query as well."""
        return self

    def execute_sql(self, *_args: object, **_options: object) -> list[Any]:
        """The rows."""
        return self._rows

    def results_iter(self, *_args: object, **_options: object) -> Any:
        """The rows, as tuples."""
        return map(tuple, self._rows)


class Composed(Generic[_Row]):
    """A queryset with `Given` values, composed when it is first asked and kept for each thread's connection.

    `question` makes the queryset. It must not hold anything that changes with time: a day or a moment is `Given`, or
    the database's own `Now()`. Joins and annotations come with the objects as usual; `prefetch_related` doesn't.
    """

    def __init__(self, question: Callable[[], QuerySet[Any, _Row]]) -> None:
        self._question = question
        self._kept = threading.local()

    def ask(self, **given: Any) -> list[_Row]:
        """The answer for these values: one query. Raises KeyError for a value that is missing."""
        question, words = self._in_words()
        answer: Any = _Answer(words, words.rows(given))
        asked: Any = SimpleNamespace(db=words.connection.alias, query=answer, _known_related_objects={}, _fields=None)
        iterable: Any = question._iterable_class
        return list(iterable(asked))

    def first(self, **given: Any) -> _Row | None:
        """The first row of the answer, or None: where a unique column is asked for there is but one."""
        return next(iter(self.ask(**given)), None)

    def _in_words(self) -> tuple[QuerySet[Any, _Row], _Words]:
        kept: tuple[QuerySet[Any, _Row], _Words] | None = getattr(self._kept, "pair", None)
        if kept is not None and kept[1].connection is connections[kept[0].db]:
            return kept
        question = self._question()
        pair = (question, _Words(question, connections[question.db]))
        self._kept.pair = pair
        return pair
