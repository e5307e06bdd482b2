"""What the pages of the acts share: the words, the form, the confirming, the refusal in words."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from accounts import officers
from accounts.forms import Form
from accounts.models import Person, Taxpayer
from accounts.pages import form_page
from accounts.refusals import refusals_recorded
from accounts.requests import Request
from accounts.words import Words
from realname.models import Post
from staff.views.acts import Act

P = ParamSpec("P")
View = Callable[Concatenate[Request, P], HttpResponse]


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of what an act is about."""

    label: Words
    value: Words


def counter_required(view: View[P]) -> View[P]:
    """Open a page to the counter alone; a reviewer is told that he only approves."""

    @functools.wraps(view)
    def guarded(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        officers.require_counter(request.actor)
        return view(request, *args, **kwargs)

    return guarded


def reviewer_required(view: View[P]) -> View[P]:
    """Open a page to the reviewers alone; the counter is told that it approves nothing."""

    @functools.wraps(view)
    def guarded(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        officers.require_reviewer(request.actor)
        return view(request, *args, **kwargs)

    return guarded


def about_taxpayer(taxpayer: Taxpayer) -> list[Fact]:
    """Name, number and kind."""
    return [
        Fact(_("纳税人名称"), taxpayer.name),
        Fact(_("纳税人识别号"), taxpayer.code),
        Fact(_("类型"), Taxpayer.Kind(taxpayer.kind).label),
    ]


def about_person(person: Person) -> list[Fact]:
    """Name and document, masked."""
    return [Fact(_("姓名"), person.masked_name), Fact(person.get_id_type_display(), person.masked_id_number)]


def about_post(post: Post) -> list[Fact]:
    """Who, where, as what."""
    firm = [Fact(_("企业"), post.taxpayer.name)]
    return [*firm, *about_person(post.person), Fact(_("职务"), post.get_position_display())]


def act_page(
    request: Request,
    act: Act,
    form: Form,
    do: Callable[[dict[str, Any]], object],
    *,
    back: str,
    facts: list[Fact],
    taxpayer: Taxpayer | None = None,
    target: Person | None = None,
    ready_reason: Words = "",
) -> HttpResponse:
    """Show the act's page, or do the act with the cleaned form and go `back`; a refusal comes back on the page.

    It is written down for the taxpayer and the person concerned (D28). `ready_reason` is one that a click gives.
    """
    if request.method == "POST" and form.is_valid():
        try:
            with refusals_recorded(act.kind, by=request.actor, target=target, taxpayer=taxpayer):
                do(form.cleaned_data)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, str(act.done))
            return redirect(back)
    context = {"act": act, "form": form, "facts": facts, "back_url": back, "ready_reason": ready_reason}
    return form_page(request, "bureau/act.html", context)


def data_of(request: Request) -> Any:
    """What a form is bound to: nothing, while it is only looked at."""
    return request.POST if request.method == "POST" else None
