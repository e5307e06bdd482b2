"""变更税务登记: the firm's requests, and the forms that make one (M104, M137 to M145, D25)."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.forms import Form
from accounts.keypages import keys_of, page_of
from accounts.models import Taxpayer
from accounts.pages import form_page, get_or_post, page
from accounts.requests import Request
from realname import change_rows, changes
from realname.change_rows import Details, Row
from realname.models import ChangeKind, ChangeRequest, ChangeScan, Position, Post
from staff import finding
from staff.change_forms import ClerkForm, FinanceChangeForm, PhonesForm
from staff.decorators import fresh_code_required, function_required

PAGE_SIZE = 20
holder_required = function_required(changes.FUNCTION)


def _firm(request: Request) -> Taxpayer:
    taxpayer = request.actor.taxpayer
    assert taxpayer is not None  # noqa: S101 - who acts for no taxpayer holds no function
    return taxpayer


@require_safe
@holder_required
def changes_page(request: Request) -> HttpResponse:
    """The firm's requests, newest first, with how each stands, and what can be asked for."""
    rows = ChangeRequest.objects.filter(taxpayer=_firm(request)).select_related("post__person", "submitted_by")
    key_page = page_of(rows, size=PAGE_SIZE, **keys_of(request))
    context = {"requests": key_page.rows, "pages": key_page.links({})}
    return page(request, "staff/changes.html", context)


@get_or_post
@holder_required
@fresh_code_required
def change_finance(request: Request) -> HttpResponse:
    """财务负责人变更: rows before and after, the stamped scan, 【保存】 (M138 to M144)."""
    form = _finance_form(request)
    same: list[Row] = []
    if request.method == "POST" and form.is_valid():
        try:
            made = changes.submit_finance(form.details, form.kept_rows, form.scan_bytes, by=request.actor)
        except ValidationError as refusal:
            same = (refusal.params or {}).get("rows", []) if refusal.code == "unchanged_rows" else []
            form.add_error(_field_of(refusal, form), refusal)
        else:
            messages.success(request, _("已提交财务负责人变更申请，待税务机关审核。"))
            return redirect("staff:change", made.uid)
    return form_page(request, "staff/change_finance.html", _finance_context(request, form, form.kept_rows, same))


@require_POST
@holder_required
@fresh_code_required
def drop_unchanged_rows(request: Request) -> HttpResponse:
    """删除未变更的行: the same form without the rows that say the same before and after (M140)."""
    form = FinanceChangeForm(request.POST)
    if not form.is_valid():
        return form_page(request, "staff/change_finance.html", _finance_context(request, form, form.kept_rows, []))
    before = change_rows.details_of(changes.finance_post(_firm(request)))
    same = change_rows.unchanged(before, form.details, form.kept_rows)
    kept = [row for row in form.kept_rows if row not in same]
    messages.success(request, _("已删除变更前后相同的行。请选择扫描件，再点击【保存】。"))
    return page(request, "staff/change_finance.html", _finance_context(request, form, kept, []))


def _finance_form(request: Request) -> FinanceChangeForm:
    """What was sent; else an empty form, or the contents of an earlier request (M143)."""
    if request.method == "POST":
        return FinanceChangeForm(request.POST, request.FILES)
    earlier = _earlier(request, ChangeKind.FINANCE_CHANGED)
    post = changes.finance_post(_firm(request))
    if earlier is not None:
        return FinanceChangeForm(initial=_contents_of(earlier, change_rows.details_of(post)))
    return FinanceChangeForm(initial={"id_type": post.person.id_type if post else ""})


def _contents_of(earlier: ChangeRequest, before: Details) -> dict[str, Any]:
    """What its form held, and which rows it had: the kind of document is kept with every request, deleted or not."""
    written: dict[str, Any] = {row.value: getattr(earlier, row.value) for row in Row}
    is_same_kind = earlier.id_type == before.id_type
    rows = [row.value for row in Row if written[row.value] and not (row is Row.ID_TYPE and is_same_kind)]
    return {**written, "rows": rows}


def _earlier(request: Request, kind: ChangeKind) -> ChangeRequest | None:
    """The request whose contents are asked for again, if the visitor himself wrote them: others' are masked (D27)."""
    try:
        uid = uuid.UUID(request.GET.get("again", ""))
    except ValueError:
        return None
    own = ChangeRequest.objects.filter(taxpayer=_firm(request), submitted_by=request.actor.person)
    return own.filter(uid=uid, kind=kind).first()


def _finance_context(request: Request, form: FinanceChangeForm, kept: list[Row], same: list[Row]) -> dict[str, Any]:
    post = changes.finance_post(_firm(request))
    rows = [(form[row.value], row, row in kept, row in same, _masked(post, row)) for row in Row]
    return {
        "form": form,
        "post": post,
        "rows": rows,
        "has_unchanged_rows": bool(same),
        "phones_url": reverse("staff:change_phones", args=[post.pk]) if post else "",
        "is_phone_only": form.has_error("__all__", "phone_only"),
        "is_blocked": form.has_error("__all__", "request_open"),
        "in_the_way": None if form.is_bound else _in_the_way(request),
    }


def _in_the_way(request: Request) -> ChangeRequest | None:
    """The open 财务负责人变更 that must be withdrawn first: nobody shall fill in a form to be told so (M143)."""
    rows = ChangeRequest.objects.open().filter(taxpayer=_firm(request), kind=ChangeKind.FINANCE_CHANGED)
    return rows.first()


def _masked(post: Post | None, row: Row) -> str:
    """What the register holds in this row, masked (D27)."""
    if post is None or row is Row.EMAIL:
        return ""
    person = post.person
    shown = {
        Row.NAME: person.masked_name,
        Row.ID_TYPE: person.get_id_type_display(),
        Row.ID_NUMBER: person.masked_id_number,
        Row.MOBILE: post.masked_mobile,
        Row.LANDLINE: post.masked_landline,
    }
    return shown[row]


def _field_of(refusal: ValidationError, form: FinanceChangeForm | ClerkForm | PhonesForm) -> str | None:
    """The field that a refusal is about, if it is about one."""
    code = str(refusal.code)
    field = "scan" if "scan" in code else {"mobile_in_landline": "landline"}.get(code, code)
    return field if field in form.fields else None


@require_safe
@holder_required
def register_posts(request: Request) -> HttpResponse:
    """办税人员信息: who is a clerk by the register, and what can be asked for each."""
    rows = Post.objects.open().filter(taxpayer=_firm(request)).exclude(position=Position.LEGAL_REP)
    key_page = page_of(rows.select_related("person"), size=PAGE_SIZE, **keys_of(request))
    context = {"posts": key_page.rows, "pages": key_page.links({})}
    return page(request, "staff/register_posts.html", context)


@get_or_post
@holder_required
@fresh_code_required
def add_clerk(request: Request) -> HttpResponse:
    """办税人员信息, 增加 (M104)."""
    form = _clerk_form(request)
    if request.method == "POST" and form.is_valid():
        try:
            made = changes.submit_clerk(form.details, form.scan_bytes, by=request.actor)
        except ValidationError as refusal:
            form.add_error(_field_of(refusal, form), refusal)
        else:
            messages.success(request, _("已提交增加办税人员的申请，待税务机关审核。"))
            return redirect("staff:change", made.uid)
    context = {"form": form, "is_blocked": form.has_error("__all__", "request_open")}
    return form_page(request, "staff/add_clerk.html", context)


def _clerk_form(request: Request) -> ClerkForm:
    if request.method == "POST":
        return ClerkForm(request.POST, request.FILES)
    earlier = _earlier(request, ChangeKind.CLERK_ADDED)
    names = ("name", "id_type", "id_number", "mobile", "landline")
    return ClerkForm(initial={name: getattr(earlier, name) for name in names} if earlier else None)


@get_or_post
@holder_required
@fresh_code_required
def end_clerk(request: Request, pk: int) -> HttpResponse:
    """办税人员信息, 终止: on a page that says what will happen."""
    post = _post(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = changes.submit_end(post, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, _("已提交终止办税人员的申请，待税务机关审核。"))
            return redirect("staff:change", made.uid)
    context = {"form": form, "post": post, "is_blocked": form.has_error("__all__", "request_open")}
    return form_page(request, "staff/end_clerk.html", context)


@get_or_post
@holder_required
@fresh_code_required
def change_phones(request: Request, pk: int) -> HttpResponse:
    """办税人员信息, 修改电话: a mobile number out of 【固定电话】 into 【移动电话】 (M92)."""
    post = _post(request, pk)
    form = PhonesForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = changes.submit_phones(post, **form.cleaned_data, by=request.actor)
        except ValidationError as refusal:
            form.add_error(_field_of(refusal, form), refusal)
        else:
            messages.success(request, _("已提交修改电话的申请，待税务机关审核。"))
            return redirect("staff:change", made.uid)
    context = {"form": form, "post": post, "is_blocked": form.has_error("__all__", "request_open")}
    return form_page(request, "staff/change_phones.html", context)


def _post(request: Request, pk: int) -> Post:
    """An open post of the actor's firm; any other is a 404."""
    posts = Post.objects.open().select_related("person").exclude(position=Position.LEGAL_REP)
    return get_object_or_404(posts, pk=pk, taxpayer=_firm(request))


@require_safe
@holder_required
def change(request: Request, uid: uuid.UUID) -> HttpResponse:
    """One request: what was asked, how it stands, why it was returned, and the next step (M103 to M107, M143)."""
    found = finding.change_request(uid, by=request.actor)
    pages = {ChangeKind.FINANCE_CHANGED: "staff:change_finance", ChangeKind.CLERK_ADDED: "staff:add_clerk"}
    form = pages.get(ChangeKind(found.kind), "staff:register_posts")
    keeps = form in pages.values() and _wrote(found, request)
    again = f"{reverse(form)}?again={found.uid}" if keeps else reverse(form)
    context = {"change": found, "scans": found.scans.defer("content"), "again_url": again, "again_keeps": keeps}
    return page(request, "staff/change.html", context)


def _wrote(change: ChangeRequest, request: Request) -> bool:
    return change.submitted_by == request.actor.person


@require_POST
@holder_required
@fresh_code_required
def withdraw_change(request: Request, uid: uuid.UUID) -> HttpResponse:
    """撤消 (M143)."""
    found = finding.change_request(uid, by=request.actor)
    try:
        changes.withdraw(found, by=request.actor)
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
    else:
        kept = _("已撤消该申请。可以按原内容修改后重新提交。")
        messages.success(request, kept if _wrote(found, request) else _("已撤消该申请。可以重新填写后提交。"))
    return redirect("staff:change", uid)


@require_safe
@holder_required
@fresh_code_required
def change_scan(request: Request, uid: uuid.UUID) -> HttpResponse:
    """A scan of one's own firm, as a file to be kept, never as a page (FIL-04)."""
    return scan_answer(request, finding.change_scan(uid, by=request.actor))


def scan_answer(request: Request, scan: ChangeScan) -> HttpResponse:
    """The scan as a file, for whom `changes.show_scan` lets see it."""
    answer = HttpResponse(changes.show_scan(scan, by=request.actor), content_type="image/jpeg")
    answer["Content-Disposition"] = f'attachment; filename="scan-{scan.uid}.jpg"'
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer["Cross-Origin-Resource-Policy"] = "same-origin"
    return answer
