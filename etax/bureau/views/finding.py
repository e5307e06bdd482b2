"""查找: a taxpayer or a person by the full number, and nothing less (D33)."""

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import audit, numbers, officers
from accounts.audit import Kind
from accounts.forms import Form
from accounts.models import Person, Taxpayer
from accounts.pages import page
from accounts.requests import Request
from etax.bureau.forms import FindPersonForm, FindTaxpayerForm


@require_safe
def index(request: Request) -> HttpResponse:
    """What the officer may do, and where he finds whom it is about."""
    return _page(request, FindTaxpayerForm(), FindPersonForm())


@require_POST
def find_taxpayer(request: Request) -> HttpResponse:
    """To the taxpayer's page; a number that nobody has is said to be so, and where an account is opened."""
    form = FindTaxpayerForm(request.POST)
    if form.is_valid():
        code = form.cleaned_data["code"]
        found = Taxpayer.objects.filter(code=code).first()
        _record(request, found is not None, taxpayer=found, number=numbers.mask_id_number(code))
        if found is not None:
            return redirect("bureau:taxpayer", found.uid)
        text = _("没有找到该纳税人识别号。请逐位核对；确为新纳税人的，请办理【授权开户】。")
        form.add_error("code", ValidationError(text, code="nothing_found"))
    return _page(request, form, FindPersonForm(), status=400)


@require_POST
def find_person(request: Request) -> HttpResponse:
    """To the person's page."""
    form = FindPersonForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        found = Person.objects.by_id_number(data["id_type"], data["id_number"]).first()
        _record(request, found is not None, target=found, number=numbers.mask_id_number(data["id_number"]))
        if found is not None:
            return redirect("bureau:person", found.uid)
        text = _("没有找到该证件号码。请与证件逐位核对；新办税人员请办理【前台采集】。")
        form.add_error("id_number", ValidationError(text, code="nothing_found"))
    return _page(request, FindTaxpayerForm(), form, status=400)


def _record(
    request: Request,
    is_found: bool,
    *,
    taxpayer: Taxpayer | None = None,
    target: Person | None = None,
    number: str,
) -> None:
    officers.require(request.actor)
    reason = "" if is_found else "nothing_found"
    audit.record(
        Kind.OFFICER_SEARCHED, by=request.actor, taxpayer=taxpayer, target=target, reason=reason, number=number
    )


def _page(request: Request, taxpayer: Form, person: Form, *, status: int = 200) -> HttpResponse:
    context = {"taxpayer_form": taxpayer, "person_form": person}
    return page(request, "bureau/index.html", context, status=status)
