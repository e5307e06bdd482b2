"""我的实名信息: what the bureau holds of me, my pictures, and taking back my consent (FIL-04, FIL-06)."""

import logging
import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import Person
from accounts.pages import get_or_post, page
from accounts.requests import Request
from accounts.sealing import SealBroken
from realname import collecting, photos
from realname.models import Collection, RealNameRecord

logger = logging.getLogger(__name__)


def _owner(request: Request) -> Person:
    person = request.actor.person
    assert person is not None  # noqa: S101 - the pages are closed to visitors
    return person


@require_safe
def mine(request: Request) -> HttpResponse:
    """My real-name record, the pictures kept with it, what I agreed to, and that more is kept or waits.

    What only names my document may be somebody else's: nothing of it is shown but that it is there.
    """
    person = _owner(request)
    record = RealNameRecord.objects.filter(person=person, revoked_at__isnull=True).first()
    collection = Collection.objects.filter(record=record).first() if record else None
    kept = list(collection.photos.kept().order_by("pk")) if collection else []
    text = f"realname/consents/{collection.consent_version}.html" if collection else ""
    context = {
        "person": person,
        "record": record,
        "collection": collection,
        "photos": kept,
        "text": text,
        "others": list(Collection.objects.about(person).in_hand().filter(record=None).order_by("pk")),
    }
    return page(request, "realname/mine.html", context)


@get_or_post
def withdraw_consent(request: Request) -> HttpResponse:
    """What taking back my consent does, and doing it."""
    if request.method != "POST":
        return page(request, "realname/withdraw_consent.html")
    try:
        collecting.withdraw_consent(_owner(request), by=request.actor)
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
    else:
        messages.success(request, _("已撤回同意，照片已删除。"))
    return redirect("realname:mine")


@require_safe
def photo(request: Request, uid: uuid.UUID) -> HttpResponse:
    """One picture, for the person himself and reviewers; for everybody else there is none (FIL-04)."""
    found = photos.find(uid, by=request.actor)
    try:
        content = photos.open_for(found, by=request.actor)
    except (SealBroken, OSError) as error:
        logger.exception("%s can't be opened", found)
        raise Http404 from error
    response = HttpResponse(content, content_type="image/jpeg")
    response["Content-Disposition"] = f'attachment; filename="{found.kind}.jpg"'
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "no-store"
    return response
