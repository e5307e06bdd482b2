"""One person at the counter: what is known of him, masked; his numbers shown, his locks opened, his record."""

import uuid
from functools import partial

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from accounts import officers, throttles
from accounts.audit import Kind
from accounts.models import Person
from accounts.pages import get_or_post, page
from accounts.requests import Request
from etax.bureau import records
from etax.bureau.forms import ConfirmForm
from etax.bureau.preconditions import report_on
from etax.bureau.views.acts import about_person, act_page, counter_required, data_of
from staff import standing
from staff.forms import RecordFilterForm
from staff.operations import entries_about
from staff.services import unlocking
from staff.views.acts import Act

UNLOCK = Act(
    Kind.UNLOCKED,
    _("解除个人锁定"),
    _("确认后，该人员因连续输错密码或短信验证码的锁定立即解除，密码不变。"),
    _("确认解除"),
    _("已解除锁定。"),
)
_POSTS, _FIRMS = 50, 20


def _found(uid: uuid.UUID) -> Person:
    return get_object_or_404(Person.objects.select_related("credential"), uid=uid)


def _url(person: Person) -> str:
    return reverse("bureau:person", args=[person.uid])


@require_safe
def person(request: Request, uid: uuid.UUID) -> HttpResponse:
    """The person, masked, with collection, posts and firms."""
    officers.require(request.actor)
    return _page(request, _found(uid))


@require_POST
def show(request: Request, uid: uuid.UUID) -> HttpResponse:
    """The same page with name and numbers in full; recorded (D27)."""
    found = _found(uid)
    officers.show_numbers(found, by=request.actor)
    return _page(request, found, in_full=True)


def _page(request: Request, found: Person, *, in_full: bool = False) -> HttpResponse:
    posts = found.posts.select_related("taxpayer").order_by("-pk")[:_POSTS]
    open_posts = set(found.posts.model.objects.open().filter(person=found).values_list("pk", flat=True))
    context = {
        "person": found,
        "in_full": in_full,
        "collection": found.real_name_records.filter(revoked_at__isnull=True).select_related("collected_by").first(),
        "posts": [(post, post.pk in open_posts) for post in posts],
        "reports": [
            report_on(each, first_is_due=standing.first_sign_in_is_due(each.taxpayer))
            for each in standing.of_capacities(found)[:_FIRMS]
        ],
        "locked_minutes": -(-throttles.longest_wait(unlocking.counts_of_person(found)) // 60),
    }
    return page(request, "bureau/person.html", context)


@get_or_post
@counter_required
def unlock_person(request: Request, uid: uuid.UUID) -> HttpResponse:
    """解除个人锁定 (D13, OTP-05)."""
    found = _found(uid)
    return act_page(
        request,
        UNLOCK,
        ConfirmForm(data_of(request)),
        lambda data: unlocking.unlock_person(found, by=request.actor),
        back=_url(found),
        facts=about_person(found),
        target=found,
    )


@require_safe
def person_record(request: Request, uid: uuid.UUID) -> HttpResponse:
    """The record of what one person did, and of what was done to him; looking at it is recorded (D28)."""
    found, form = _found(uid), RecordFilterForm(request.GET)
    find = partial(entries_about, found)
    return records.record_page(request, form, find, heading=found.masked_name, back=_url(found), target=found)
