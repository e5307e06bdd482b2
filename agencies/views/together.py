"""Several ticked clients at once: into a group, handlers named or no longer (D23)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.models import Taxpayer
from accounts.pages import form_page, get_or_post
from accounts.requests import Request
from agencies import finding
from agencies.candidates import people_of
from agencies.decorators import agency_manager_required
from agencies.forms import PeopleOfAgencyForm, TogetherForm
from agencies.models import Engagement
from agencies.services import together as services
from agencies.services.together import Outcome


@get_or_post
@agency_manager_required
def together(request: Request) -> HttpResponse:
    """Those ticked in the list, and what can be done to all of them."""
    agency = request.actor.taxpayer
    chosen = _chosen(request)
    if agency is None or not chosen or len(chosen) > services.MOST:
        text = _("请先在列表中勾选委托企业，一次最多%(most)s家。")
        messages.error(request, text % {"most": services.MOST})
        return redirect("agencies:engagements")
    finding.refuse_foreign_group(request.POST.get("group", ""), by=request.actor)
    form = TogetherForm(request.POST if request.method == "POST" else None, agency=agency)
    if request.method == "POST" and form.is_valid():
        _say(request, _act(chosen, form, request))
        return redirect("agencies:engagements")
    return form_page(request, "agencies/together.html", _context(request, agency, chosen, form))


def _chosen(request: Request) -> list[Engagement]:
    """The engagements that the address or the form names; one that isn't the agency's is a recorded 404."""
    named = (request.POST if request.method == "POST" else request.GET).getlist("engagement")
    return [finding.of_agency_named(each, by=request.actor) for each in dict.fromkeys(named[: services.MOST + 1])]


def _context(request: Request, agency: Taxpayer, chosen: list[Engagement], form: TogetherForm) -> dict[str, object]:
    search = PeopleOfAgencyForm(request.GET)
    name = search.cleaned_data["name"] if search.is_valid() else ""
    ticked = {str(uid) for uid in form["people"].value() or []} if form.is_bound else set[str]()
    people = people_of(agency, name=name, ticked=ticked)
    return {"chosen": chosen, "form": form, "search": search, "name": name, "candidates": people}


def _act(chosen: list[Engagement], form: TogetherForm, request: Request) -> Outcome:
    asked = form.cleaned_data
    if asked["act"] == "place":
        return services.place(chosen, asked["group"], by=request.actor)
    act = services.name if asked["act"] == "name" else services.unname
    return act(chosen, asked["people"], by=request.actor)


def _say(request: Request, outcome: Outcome) -> None:
    if outcome.done:
        messages.success(request, _("已保存%(count)s家委托企业。") % {"count": outcome.done})
    for engagement, why in outcome.refused:
        messages.error(request, _("“%(client)s”没有保存：%(why)s") % {"client": engagement.client.name, "why": why})
