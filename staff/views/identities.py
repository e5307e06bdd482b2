"""身份维护: the list of identities, one identity's form, the page before a change bites, and deleting (M25, M26)."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.pages import form_page, get_or_post, page
from accounts.requests import Request
from staff import finding, functions
from staff.decorators import manager_required
from staff.forms import ActForm, IdentityForm
from staff.models import Identity, beyond, identities_of
from staff.services import identities as services
from staff.trees import tree_of

_SHOWN = 100
"""How many of those whom a change affects its page names; each has his entry in the record."""


def _page(request: Request, form: IdentityForm, identity: Identity | None) -> HttpResponse:
    taxpayer = request.actor.taxpayer
    assert taxpayer is not None  # noqa: S101 - manager_required lets nobody in without one
    # What the actor may not change is no part of what his form says: it stays as it is (D8).
    ticked = {*(form["functions"].value() or []), *_fixed(request, identity)}
    context = {
        "form": form,
        "identity": identity,
        "identities": identities_of(taxpayer),
        "tree": tree_of(ticked, request.actor.functions),
        "ticked": len(ticked),
        **_users(identity, most=20),
    }
    anew = reverse("staff:identity", args=[identity.uid]) if identity else ""
    return form_page(request, "staff/identity.html", context, anew=anew)


def _users(identity: Identity | None, *, most: int) -> dict[str, Any]:
    """Who uses the identity, so many of them at most, and how many there are."""
    if identity is None:
        return {"users": [], "user_count": 0}
    users = services.users_of(identity)
    return {"users": users[:most], "user_count": users.count()}


@require_safe
@manager_required
def identities(request: Request) -> HttpResponse:
    """The first page of 身份维护: the identities, and the form of a new one."""
    return _page(request, IdentityForm(), None)


@require_safe
@manager_required
def identity(request: Request, uid: uuid.UUID) -> HttpResponse:
    """The form of one identity."""
    found = finding.identity(uid, by=request.actor)
    initial = {
        "version": found.version,
        "name": found.name,
        "description": found.description,
        "functions": services.held_by(found),
    }
    return _page(request, IdentityForm(initial=initial), found)


@require_POST
@manager_required
def review_identity(request: Request, uid: uuid.UUID | None = None) -> HttpResponse:
    """Before anything is saved: whom the change affects, what they gain and lose; and whether no function is ticked."""
    found = finding.identity(uid, by=request.actor) if uid else None
    form = IdentityForm(request.POST)
    if not form.is_valid():
        return _page(request, form, found)
    codes = _codes(request, form, found)
    before = services.held_by(found) if found else codes
    if codes and codes == before:  # nobody gains or loses anything
        return _save(request, form, found, codes)
    effects = services.effects(found, codes) if found else []
    context = {
        "form": form,
        "identity": found,
        "codes": sorted(codes),
        "effects": _in_words(effects[:_SHOWN]),
        "affected": len(effects),
        "gained": codes - before,
        "lost": before - codes,
    }
    return page(request, "staff/identity_review.html", context)


@require_POST
@manager_required
def reopen_identity(request: Request, uid: uuid.UUID | None = None) -> HttpResponse:
    """Back from the review to the form, with all that was typed and ticked (M26)."""
    found = finding.identity(uid, by=request.actor) if uid else None
    typed = {name: request.POST.get(name, "") for name in ("version", "name", "description")}
    return _page(request, IdentityForm(initial={**typed, "functions": request.POST.getlist("functions")}), found)


def _codes(request: Request, form: IdentityForm, found: Identity | None) -> frozenset[str]:
    """The functions asked for. Those that the actor can't change stay as they are: his form didn't offer them (D8)."""
    return frozenset(form.cleaned_data["functions"]) | _fixed(request, found)


def _fixed(request: Request, found: Identity | None) -> frozenset[str]:
    """The functions of an identity that the actor doesn't hold, and so may neither give nor take (D8)."""
    before = services.held_by(found) if found else frozenset()
    return functions.ALL.intersection(before) - request.actor.functions


def _in_words(effects: list[services.Effect]) -> list[dict[str, Any]]:
    def names(codes: frozenset[str]) -> list[str]:
        return [str(leaf.name) for code, leaf in functions.FUNCTIONS.items() if code in codes]

    return [{"membership": e.membership, "gains": names(e.gains), "loses": names(e.loses)} for e in effects]


@require_POST
@manager_required
def save_identity(request: Request, uid: uuid.UUID | None = None) -> HttpResponse:
    """Save what was reviewed."""
    found = finding.identity(uid, by=request.actor) if uid else None
    form = IdentityForm(request.POST)
    if not form.is_valid():
        return _page(request, form, found)
    return _save(request, form, found, _codes(request, form, found))


def _save(request: Request, form: IdentityForm, found: Identity | None, codes: frozenset[str]) -> HttpResponse:
    words = {name: form.cleaned_data[name] for name in ("name", "description")}
    try:
        if found is None:
            services.add(**words, codes=codes, by=request.actor)
        else:
            services.change(found, version=form.cleaned_data["version"] or 0, **words, codes=codes, by=request.actor)
    except ValidationError as refusal:
        if not services.was_just_saved(found, **words, codes=codes, by=request.actor):
            form.add_error("name" if refusal.code == "name_taken" else None, refusal)
            return _page(request, form, found)
    messages.success(request, _("权限身份已保存。"))
    if not codes:
        messages.warning(request, _("该身份没有勾选任何功能：拥有它的办税人员登录后没有可用的功能。"))
    return redirect("staff:identities")


@get_or_post
@manager_required
def delete_identity(request: Request, uid: uuid.UUID) -> HttpResponse:
    """Delete an identity that nobody uses; the page names who does."""
    found = finding.identity_if_there(uid, by=request.actor)
    if found is None and request.method == "POST" and services.was_just_deleted(uid, by=request.actor):
        return _deleted(request)
    found = found or finding.identity(uid, by=request.actor)
    form = ActForm(request.POST if request.method == "POST" else None, initial={"version": found.version})
    if request.method == "POST" and form.is_valid():
        try:
            services.delete(found, version=form.cleaned_data["version"], by=request.actor)
        except ValidationError as refusal:
            if not services.was_just_deleted(uid, by=request.actor):
                form.add_error(None, refusal)
        if not form.errors:
            return _deleted(request)
    not_yours = services.NOT_YOURS_TO_DELETE if beyond(request.actor.functions, [found]) else ""
    context = {"form": form, "identity": found, "not_yours": not_yours, **_users(found, most=50)}
    return form_page(request, "staff/delete_identity.html", context)


def _deleted(request: Request) -> HttpResponse:
    messages.success(request, _("权限身份已删除。"))
    return redirect("staff:identities")
