"""审核 of 实名采集 that somebody sent in himself: pictures and words held side by side, then the decision (D26)."""

import uuid

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import Kind
from accounts.pages import get_or_post, page
from accounts.requests import Request
from etax.bureau.asked import facts_of_collection
from etax.bureau.forms import ConfirmForm, NameCheckedForm, ReturnForm
from etax.bureau.views.acts import act_page, data_of, reviewer_required
from realname import collecting
from realname.models import Collection
from staff.views.acts import Act

APPROVE = Act(
    Kind.COLLECTION_APPROVED,
    _("通过实名采集"),
    _("请先核对证件两面、脸部照片和所填信息。确认后，采集立即生效，该手机号成为本人的实名手机号，本人会收到短信。"),
    _("确认通过"),
    _("已通过，并已用短信告知本人。"),
)
RETURN = Act(
    Kind.COLLECTION_RETURNED,
    _("退回实名采集"),
    _("确认后，本次采集不生效，退回原因会用短信告知本人，本人可以更正后重新采集。"),
    _("确认退回"),
    _("已退回，并已用短信告知本人原因。"),
    is_dangerous=True,
)


def _found(uid: uuid.UUID) -> Collection:
    sent_in = Collection.objects.filter(submitted_at__isnull=False).select_related("decided_by")
    return get_object_or_404(sent_in, uid=uid)


def _url(found: Collection) -> str:
    return reverse("bureau:collection", args=[found.uid])


@require_safe
@reviewer_required
def collection(request: Request, uid: uuid.UUID) -> HttpResponse:
    """What was sent in, masked, with its pictures."""
    return _page(request, _found(uid))


@require_POST
@reviewer_required
def show_collection(request: Request, uid: uuid.UUID) -> HttpResponse:
    """The same page with names and numbers in full; recorded (D27)."""
    found = _found(uid)
    collecting.show_numbers(found, by=request.actor)
    return _page(request, found, in_full=True)


def _page(request: Request, found: Collection, *, in_full: bool = False) -> HttpResponse:
    context = {
        "collection": found,
        "in_full": in_full,
        "facts": facts_of_collection(found, in_full=in_full),
        "photos": found.photos.kept().order_by("pk") if found.is_for_reviewers else [],
        "person": collecting.known_person(found),
        "has_other_name": found.is_waiting and collecting.mismatch(found) is not None,
        "back_url": reverse("bureau:reviews"),
    }
    return page(request, "bureau/collection.html", context)


@get_or_post
@reviewer_required
def approve_collection(request: Request, uid: uuid.UUID) -> HttpResponse:
    """审核通过; under another name than the bureau knows, only with the name held to the card (M16)."""
    found = _found(uid)
    form = (NameCheckedForm if collecting.mismatch(found) else ConfirmForm)(data_of(request))
    return act_page(
        request,
        APPROVE,
        form,
        lambda data: collecting.approve(found, name_checked=data.get("name_checked", False), by=request.actor),
        back=_url(found),
        facts=facts_of_collection(found),
        target=collecting.known_person(found),
    )


@get_or_post
@reviewer_required
def return_collection(request: Request, uid: uuid.UUID) -> HttpResponse:
    """退回, with a reason that the person is told."""
    found = _found(uid)
    return act_page(
        request,
        RETURN,
        ReturnForm(data_of(request)),
        lambda data: collecting.return_to_person(found, **data, by=request.actor),
        back=_url(found),
        facts=facts_of_collection(found),
        target=collecting.known_person(found),
    )
