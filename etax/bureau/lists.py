"""The lists of the back office: read-only, by key, searched by a whole name or number alone (D33)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.admin import ModelAdmin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import audit, numbers
from accounts.audit import Kind
from accounts.forms import CleanCharField, Form
from accounts.keypages import PageLinks, keys_of, page_of
from accounts.models import AuditEntry, Person, Taxpayer
from accounts.pages import page
from accounts.words import Words
from realname.models import Post, RealNameRecord

if TYPE_CHECKING:  # the stubs' class is generic, Django's own is not
    _ModelAdmin = ModelAdmin[Model]
else:
    _ModelAdmin = ModelAdmin


_REQUEST_NUMBER = re.compile(r"[0-9a-fA-F]{32}")


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a row, perhaps with the page it leads to."""

    text: Words
    url: str = ""

    @property
    def is_figures(self) -> bool:
        """Whether it is a number or a time, which isn't broken; names and words are, long as they may be."""
        return not self.url and any(sign.isdigit() for sign in str(self.text))


class SearchForm(Form):
    """A whole name, or a whole taxpayer number; numbers of people never stand in an address."""

    q = CleanCharField(required=False, max_length=200)


class KeyList(ChangeList):
    """Django's list, paged by key: it neither counts nor skips, and takes no filter from the address."""

    links: PageLinks
    search_form_class = SearchForm

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """None: whatever else stands in the address is not ours."""
        return {}

    def get_results(self, request: HttpRequest) -> None:
        """One page of rows."""
        found = page_of(self.queryset, size=self.list_per_page, **keys_of(request))
        self.result_list = found.rows
        self.result_count, self.full_result_count = len(found.rows), None
        self.can_show_all = self.multi_page = False
        self.links = found.links({"q": self.query} if self.query else {})

    @property
    def rows(self) -> list[list[tuple[Words, Cell]]]:
        """Each row's cells under their headings."""
        admin: Any = self.model_admin
        return [list(zip(admin.heads, admin.cells(row), strict=True)) for row in self.result_list]


class ReadOnlyList(_ModelAdmin):
    """A list to look at. Nothing is added, changed or deleted here: that is what the acts are for."""

    title: Words
    heads: ClassVar[tuple[Words, ...]]
    search_help: Words
    actions = None
    list_per_page = 30
    show_full_result_count = False
    seen_as: Kind | None = None
    """The kind under which a mere look is recorded."""

    def get_urls(self) -> list[URLPattern]:
        """The list alone."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
        return [path("", self.admin_site.admin_view(self.changelist_view), name=name)]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Paged by key."""
        return KeyList

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Officers may look."""
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """A page of the list; a search is recorded, with what was searched masked."""
        words = {"title": self.title, "heads": self.heads, "search_help": self.search_help}
        answer = super().changelist_view(request, words)
        assert isinstance(answer, TemplateResponse)  # noqa: S101 - no action, no lookup: nothing that could redirect
        context = answer.context_data or {}
        term = context["cl"].query
        kind = Kind.OFFICER_SEARCHED if term else self.seen_as
        if kind is not None:
            actor = request.actor  # type: ignore[attr-defined]  # set by our middleware
            audit.record(kind, by=actor, list=self.opts.model_name, term=_masked(term))
        status = 200 if SearchForm(request.GET).is_valid() else 400
        return page(request, "bureau/change_list.html", context, status=status)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The rows that are exactly what was searched."""
        return (self.exactly(queryset, search_term) if search_term else queryset), False

    def exactly(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """The rows of this whole name or number."""
        raise NotImplementedError

    def cells(self, row: Any) -> Sequence[Cell]:
        """The row's values, one for each heading."""
        raise NotImplementedError


def _masked(term: str) -> str:
    return numbers.mask_id_number(term) if any(c.isdigit() for c in term) else numbers.mask_name(term)


def _time(at: Any) -> str:
    return date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT") if at else "—"


def _taxpayer(row: Taxpayer | None) -> Cell:
    return Cell(row.name, reverse("bureau:taxpayer", args=[row.uid])) if row else Cell("—")


def _person(row: Person | None) -> Cell:
    return Cell(row.masked_name, reverse("bureau:person", args=[row.uid])) if row else Cell("—")


class TaxpayerList(ReadOnlyList):
    """纳税人."""

    title, search_help = _("纳税人"), _("完整的纳税人识别号或纳税人名称")
    heads = (_("纳税人名称"), _("纳税人识别号"), _("类型"), _("开户时间"), _("注销时间"))

    def exactly(self, rows: QuerySet[Taxpayer], term: str) -> QuerySet[Taxpayer]:
        """By number, or by name."""
        return rows.filter(code=numbers.fold(term)) | rows.filter(name=term)

    def cells(self, row: Taxpayer) -> Sequence[Cell]:
        kind = Taxpayer.Kind(row.kind).label
        return (_taxpayer(row), Cell(row.code), Cell(kind), Cell(_time(row.opened_at)), Cell(_time(row.cancelled_at)))


class PersonList(ReadOnlyList):
    """自然人, masked."""

    title, search_help = _("自然人"), _("完整的姓名；按证件号码查找请用【查找】")
    heads = (_("姓名"), _("身份证件类型"), _("身份证件号码"), _("实名手机号"), _("用户注册名"))

    def exactly(self, rows: QuerySet[Person], term: str) -> QuerySet[Person]:
        """By name."""
        return rows.filter(name=term)

    def cells(self, row: Person) -> Sequence[Cell]:
        document = numbers.IdType(row.id_type).label
        number, phone = Cell(row.masked_id_number), Cell(row.masked_phone or "—")
        return (_person(row), Cell(document), number, phone, Cell(_masked(row.username or "") or "—"))


class PostList(ReadOnlyList):
    """税务登记人员, masked."""

    title, search_help = _("税务登记人员"), _("完整的纳税人识别号或人员姓名")
    heads = (_("企业"), _("姓名"), _("职务"), _("移动电话"), _("起止日期"), _("关联时间"))
    list_select_related = ("taxpayer", "person")

    def exactly(self, rows: QuerySet[Post], term: str) -> QuerySet[Post]:
        """By the firm's number, or by the person's name."""
        if any(sign.isdigit() for sign in term):  # one or the other: asked for both, the database reads all posts
            return rows.filter(taxpayer__code=numbers.fold(term))
        return rows.filter(person__name=term)

    def cells(self, row: Post) -> Sequence[Cell]:
        phone = Cell(numbers.mask_phone(row.mobile) or "—")
        until = date_format(row.until) if row.until else gettext("至今")
        held = Cell(f"{date_format(row.since)} — {until}")
        position = Cell(row.get_position_display())
        return (_taxpayer(row.taxpayer), _person(row.person), position, phone, held, Cell(_time(row.linked_at)))


class RealNameList(ReadOnlyList):
    """实名采集, masked."""

    title, search_help = _("实名采集"), _("完整的人员姓名")
    heads = (_("姓名"), _("手机号码"), _("方式"), _("采集时间"), _("采集人"), _("失效时间"))
    list_select_related = ("person", "collected_by")

    def exactly(self, rows: QuerySet[RealNameRecord], term: str) -> QuerySet[RealNameRecord]:
        """By the person's name."""
        return rows.filter(person__name=term)

    def cells(self, row: RealNameRecord) -> Sequence[Cell]:
        by = Cell(row.collected_by.masked_name if row.collected_by else "—")
        phone, method = Cell(numbers.mask_phone(row.phone) or "—"), Cell(row.get_method_display())
        return (_person(row.person), phone, method, Cell(_time(row.collected_at)), by, Cell(_time(row.revoked_at)))


class EntryList(ReadOnlyList):
    """日志, newest first; looking at it is recorded as well."""

    title, search_help = _("日志"), _("完整的纳税人识别号，或请求编号")
    heads = (_("时间"), _("操作"), _("企业"), _("人员"), _("对象"), _("结果"), _("网络地址"))
    list_select_related = ("taxpayer", "person", "target")
    seen_as = Kind.RECORD_SEEN

    def exactly(self, rows: QuerySet[AuditEntry], term: str) -> QuerySet[AuditEntry]:
        """By the firm's number, or by a request's."""
        if _REQUEST_NUMBER.fullmatch(term):
            return rows.filter(request_id=term.lower())
        return rows.filter(taxpayer__code=numbers.fold(term))

    def cells(self, row: AuditEntry) -> Sequence[Cell]:
        result = Cell(f"{row.get_result_display()} {row.reason_in_words}".strip())
        people = (_person(row.person), _person(row.target))
        return (
            Cell(_time(row.at)),
            Cell(row.get_kind_display()),
            _taxpayer(row.taxpayer),
            *people,
            result,
            Cell(row.ip or "—"),
        )
