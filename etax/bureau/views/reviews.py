"""审核: what waits for a reviewer, a list for each matter, and what was reported as 非本人任职 (M83, D25, D26, D35)."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.audit import Kind
from accounts.keypages import keys_of, page_of
from accounts.pages import get_or_post, page
from accounts.requests import Request
from accounts.words import Words
from etax.bureau.asked import in_minutes
from etax.bureau.forms import DecideForm
from etax.bureau.lists import Cell
from etax.bureau.views.acts import Fact, about_person, act_page, data_of, reviewer_required
from realname import misuse
from realname.models import ChangeRequest, Collection, MisuseCase
from staff.views.acts import Act

_SIZE = 20

DECIDE = Act(
    Kind.MISUSE_DECIDED,
    _("办结非本人任职"),
    _(
        "请先向企业和本人核实。属实的，该人员在该企业的任职立即终止；不属实的，其身份恢复使用。本人会收到短信，办结后不能更改。"
    ),
    _("确认办结"),
    _("已办结。"),
    is_dangerous=True,
)


@dataclass(frozen=True, slots=True)
class Matter:
    """One kind of thing that waits: where its list is, what its columns are, how a row is shown."""

    name: str
    label: Words
    heads: tuple[Words, ...]
    rows: Callable[[], QuerySet[Any]]
    cells: Callable[[Any], Sequence[Cell]]

    @property
    def url(self) -> str:
        """Its list."""
        return reverse(f"bureau:{self.name}")

    @property
    def is_waiting(self) -> bool:
        """Whether there is anything in it."""
        return self.rows().exists()


def _collection_cells(row: Collection) -> Sequence[Cell]:
    who = Cell(row.masked_name, reverse("bureau:collection", args=[row.uid]))
    document = Cell(f"{row.get_id_type_display()} {row.masked_id_number}")
    return who, Cell(row.get_way_display()), document, Cell(in_minutes(row.submitted_at))


def _change_cells(row: ChangeRequest) -> Sequence[Cell]:
    what = Cell(row.get_kind_display(), reverse("bureau:change", args=[row.uid]))
    return what, Cell(row.taxpayer.name), Cell(row.masked_subject), Cell(in_minutes(row.submitted_at))


def _misuse_cells(row: MisuseCase) -> Sequence[Cell]:
    who = Cell(row.person.masked_name, reverse("bureau:decide_misuse", args=[row.uid]))
    return who, Cell(row.taxpayer.name), Cell(in_minutes(row.reported_at))


COLLECTIONS = Matter(
    "reviews",
    _("实名采集"),
    (_("姓名"), _("采集方式"), _("身份证件"), _("提交时间")),
    Collection.objects.waiting,
    _collection_cells,
)
CHANGES = Matter(
    "waiting_changes",
    _("变更税务登记"),
    (_("申请事项"), _("企业"), _("人员"), _("提交时间")),
    lambda: ChangeRequest.objects.pending().select_related("taxpayer", "post__person"),
    _change_cells,
)
MISUSE = Matter(
    "waiting_misuse",
    _("非本人任职"),
    (_("申报人"), _("企业"), _("申报时间")),
    lambda: MisuseCase.objects.undecided().select_related("person", "taxpayer"),
    _misuse_cells,
)
MATTERS = (COLLECTIONS, CHANGES, MISUSE)


def _list(request: Request, matter: Matter) -> HttpResponse:
    """One page of what waits, by key, and which of the other lists have something in them."""
    found = page_of(matter.rows(), size=_SIZE, **keys_of(request))
    rows = [list(zip(matter.heads, matter.cells(row), strict=True)) for row in found.rows]
    context = {"matter": matter, "matters": MATTERS, "rows": rows, "pages": found.links({})}
    return page(request, "bureau/reviews.html", context)


@require_safe
@reviewer_required
def reviews(request: Request) -> HttpResponse:
    """实名采集 that people sent in themselves (D26)."""
    return _list(request, COLLECTIONS)


@require_safe
@reviewer_required
def waiting_changes(request: Request) -> HttpResponse:
    """变更税务登记 that firms ask for (D25)."""
    return _list(request, CHANGES)


@require_safe
@reviewer_required
def waiting_misuse(request: Request) -> HttpResponse:
    """The cases that nobody has decided yet (D35)."""
    return _list(request, MISUSE)


@get_or_post
@reviewer_required
def decide_misuse(request: Request, uid: uuid.UUID) -> HttpResponse:
    """属实 or 不属实, with what was found (D35)."""
    case = get_object_or_404(MisuseCase.objects.select_related("person", "taxpayer"), uid=uid)
    facts = [
        Fact(_("企业"), case.taxpayer.name),
        *about_person(case.person),
        Fact(_("申报时间"), in_minutes(case.reported_at)),
    ]
    return act_page(
        request,
        DECIDE,
        DecideForm(data_of(request)),
        lambda data: misuse.decide(case, **data, by=request.actor),
        back=reverse("bureau:waiting_misuse"),
        facts=[*facts, Fact(_("情况说明"), case.statement)],
        taxpayer=case.taxpayer,
        target=case.person,
    )
