"""实名采集 by the person himself, page by page (M84 to M86, D26)."""

import functools
from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from accounts import flows, numbers, sms
from accounts.flows import Progress
from accounts.forms import SmsCodeForm
from accounts.numbers import IdType
from accounts.pages import form_page, get_or_post, page
from accounts.requests import Request
from accounts.steps import line
from accounts.words import Words
from realname import collecting, passage, photos, verifiers
from realname.forms import CardForm, ChangeForm, ConsentForm, DetailsForm, PhotoForm, WhoForm
from realname.models import Collection, Outcome, PhotoKind, Way
from realname.passage import COLLECTION, LINE, Claim

_GONE = gettext_lazy("该采集已超过时限并已清除，请重新开始。")
CollectingView = Callable[[Request, Progress, Collection], HttpResponse]


def collecting_step(fact: str) -> Callable[[CollectingView], Callable[[Request], HttpResponse]]:
    """A step of the passage once the phone is proven: the view also gets the collection, not yet sent in."""

    def decorate(view: CollectingView) -> Callable[[Request], HttpResponse]:
        @flows.step(COLLECTION, fact)
        @functools.wraps(view)
        def guarded(request: Request, progress: Progress) -> HttpResponse:
            collection = passage.collection_of(progress)
            if collection is None:
                return _begin_again(request, progress)
            if collection.submitted_at is not None:
                return redirect("realname:result")
            return view(request, progress, collection)

        return guarded

    return decorate


def _begin_again(request: Request, progress: Progress) -> HttpResponse:
    progress.forget()
    messages.info(request, _GONE)
    return redirect("realname:collect")


@require_safe
@login_not_required
def collect(request: Request) -> HttpResponse:
    """What it is, what is needed, and the three ways: 首次采集, 补录, 变更."""
    return page(request, "realname/collect.html")


@sensitive_post_parameters("name", "id_number", "former_id_number", "phone")
@get_or_post
@login_not_required
def who(request: Request, way: str) -> HttpResponse:
    """Name, document, phone and picture code; a code goes to the phone typed."""
    form_class = ChangeForm if way == Way.CHANGE else WhoForm
    form = form_class(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        progress = COLLECTION.begin(request)
        data, phone = form.person_data, form.cleaned_data["phone"]
        passage.lay(progress, Claim(way=Way(way), data=data, phone=phone, former=form.former))
        try:
            sms.send_code(passage.binding_of(progress), by=request.actor)
        except ValidationError as refusal:
            progress.forget()
            form.add_error(None, refusal)
        else:
            request.session.cycle_key()
            return progress.go_on()
    context = {"form": form, "picture": form.picture, "title": Way(way).label, "steps": line(LINE, 0)}
    return form_page(request, "realname/who.html", context)


@get_or_post
@login_not_required
@flows.step(COLLECTION, "collection")
def collect_code(request: Request, progress: Progress) -> HttpResponse:
    """The code that proves the phone; whoever has a collection waiting from this phone is led to it."""
    form = SmsCodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            collection = passage.prove(progress, form.cleaned_data["code"], by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            request.session.cycle_key()
            if collection.is_waiting:
                return redirect("realname:result")
            _tell_of_earlier(request, passage.claim_of(progress))
            return progress.go_on()
    return form_page(request, "realname/collect_code.html", _code_context(progress, form))


def _tell_of_earlier(request: Request, claim: Claim) -> None:
    """What became of what was sent in with this document from this phone before: who asks has just proven the phone."""
    earlier = collecting.sent_in(claim.data, claim.phone)
    if earlier is None:
        return
    named = {"at": date_format(timezone.localtime(earlier.submitted_at), "SHORT_DATETIME_FORMAT")}
    if earlier.outcome == Outcome.RETURNED:
        text = _("您%(at)s提交的采集没有通过审核，原因：%(reason)s 请按原因准备好后，从这里重新采集。")
        messages.warning(request, text % {**named, "reason": earlier.reason})
    elif earlier.outcome == Outcome.APPROVED:
        messages.info(request, _("您%(at)s提交的采集已通过审核。没有变化的，不需要再次采集。") % named)


@get_or_post
@login_not_required
@flows.step(COLLECTION, "collection", post_only=True)
def collect_send(request: Request, progress: Progress) -> HttpResponse:
    """Another code, after the pause."""
    try:
        sms.send_code(passage.binding_of(progress), by=request.actor)
    except ValidationError as refusal:
        context = {**_code_context(progress, SmsCodeForm(None)), "refusal": refusal.messages[0]}
        return page(request, "realname/collect_code.html", context, status=400)
    messages.info(request, _("验证码已发送。"))
    return redirect("realname:collect_code")


def _code_context(progress: Progress, form: SmsCodeForm) -> dict[str, object]:
    binding = passage.binding_of(progress)
    return {
        "form": form,
        "phone": numbers.mask_phone(binding.phone),
        "countdown": sms.seconds_until_next(binding),
        "back_url": f"realname:{passage.claim_of(progress).way}",
        "steps": line(LINE, 0),
    }


@get_or_post
@login_not_required
@collecting_step("consent")
def consent(request: Request, progress: Progress, collection: Collection) -> HttpResponse:
    """Consent of its own to pictures of card and face (FIL-06)."""
    form = ConsentForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            collecting.consent(collection, form.cleaned_data["version"], by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            progress.establish("consent", collecting.CONSENT_VERSION)
            return progress.go_on()
    text = f"realname/consents/{collecting.CONSENT_VERSION}.html"
    context = {"form": form, "version": collecting.CONSENT_VERSION, "text": text, "steps": line(LINE, 1)}
    return form_page(request, "realname/consent.html", context)


@get_or_post
@login_not_required
@collecting_step("front")
def card_front(request: Request, progress: Progress, collection: Collection) -> HttpResponse:
    """The card's side with the portrait; of a passport the page with it."""
    return _card_side(request, progress, collection, PhotoKind.FRONT)


@get_or_post
@login_not_required
@collecting_step("back")
def card_back(request: Request, progress: Progress, collection: Collection) -> HttpResponse:
    """The card's other side."""
    return _card_side(request, progress, collection, PhotoKind.BACK)


def _side_in_words(collection: Collection, kind: PhotoKind) -> Words:
    if collection.id_type == IdType.PASSPORT:
        return _("护照的资料页（人像页）") if kind == PhotoKind.FRONT else _("护照的签证页或最近一次入境页")
    if collection.id_type == IdType.RESIDENT:
        return _("身份证人像面") if kind == PhotoKind.FRONT else _("身份证国徽面")
    return _("证件正面（人像面）") if kind == PhotoKind.FRONT else _("证件反面")


def _card_side(request: Request, progress: Progress, collection: Collection, kind: PhotoKind) -> HttpResponse:
    form = CardForm(request.POST or None, request.FILES) if request.method == "POST" else CardForm()
    if request.method == "POST" and _taken(request, form, collection, kind):
        progress.establish(kind, "kept")
        return progress.go_on()
    context = {
        "form": form,
        "title": _side_in_words(collection, kind),
        "back_url": "realname:card_front" if kind == PhotoKind.BACK else "",
        "steps": line(LINE, 2),
    }
    return form_page(request, "realname/card.html", context)


def _taken(request: Request, form: PhotoForm, collection: Collection, kind: PhotoKind) -> bool:
    """Whether the picture of this form is kept now; else the form says why not."""
    if not form.is_valid():
        return False
    try:
        photos.add(collection, kind, form.content)
    except ValidationError as refusal:
        form.add_error("photo", refusal)
        return False
    return True


@get_or_post
@login_not_required
@collecting_step("details")
def details(request: Request, progress: Progress, collection: Collection) -> HttpResponse:
    """Name and number to be confirmed, and until when the document is valid; read from the picture where possible."""
    if request.method == "POST":
        form = DetailsForm(request.POST)
    else:
        form = DetailsForm(initial={"valid_until": verifiers.valid_until_read(collection)})
    if request.method == "POST" and form.is_valid():
        try:
            collecting.fill_in(collection, form.cleaned_data["valid_until"])
        except ValidationError as refusal:
            form.add_error("valid_until", refusal)
        else:
            progress.establish("details", "given")
            return progress.go_on()
    context = {"form": form, "collection": collection, "steps": line(LINE, 3)}
    return form_page(request, "realname/details.html", context)


@get_or_post
@login_not_required
@collecting_step("face")
def face(request: Request, progress: Progress, collection: Collection) -> HttpResponse:
    """The face, and all is sent in (M86)."""
    form = PhotoForm(request.POST, request.FILES) if request.method == "POST" else PhotoForm()
    if request.method == "POST" and _taken(request, form, collection, PhotoKind.FACE):
        try:
            collecting.submit(collection, by=request.actor)
        except ValidationError as refusal:
            if _retake(refusal) in (PhotoKind.FRONT, PhotoKind.BACK):
                messages.error(request, refusal.messages[0])
                return redirect(f"realname:card_{_retake(refusal)}")
            form.add_error(None, refusal)
        else:
            progress.establish("face", "kept")
            return redirect("realname:result")
    if form.errors and _was_sent_in(progress):  # the same form sent twice at once: the same answer (F12)
        return redirect("realname:result")
    return form_page(request, "realname/face.html", {"form": form, "steps": line(LINE, 4)})


def _was_sent_in(progress: Progress) -> bool:
    """Whether this passage's collection has been sent in since the request began."""
    now = passage.collection_of(progress)
    return now is not None and now.submitted_at is not None


def _retake(refusal: ValidationError) -> str:
    """Which picture a verifier wants anew, if any."""
    return str((refusal.params or {}).get("retake", ""))


@require_safe
@login_not_required
@flows.step(COLLECTION, "collection")
def result(request: Request, progress: Progress) -> HttpResponse:
    """检测成功; 已提交，待审核; or why not and what to do."""
    collection = passage.collection_of(progress) if progress.has("collection") else None
    if collection is None:
        return _begin_again(request, progress)
    if collection.submitted_at is None:
        return progress.go_on()
    is_approved = collection.outcome == Outcome.APPROVED
    context = {"collection": collection, "is_approved": is_approved, "steps": line(LINE, 5)}
    return page(request, "realname/result.html", context)


@get_or_post
@login_not_required
@flows.step(COLLECTION, "collection", post_only=True)
def withdraw_collection(request: Request, progress: Progress) -> HttpResponse:
    """Take back what waits, and have the pictures deleted (FIL-06)."""
    collection = passage.collection_of(progress) if progress.has("collection") else None
    if collection is None:
        return _begin_again(request, progress)
    try:
        collecting.withdraw(collection, by=request.actor)
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
        return redirect("realname:result")
    progress.forget()
    messages.success(request, _("已撤回，照片已删除。需要时可以重新采集。"))
    return redirect("realname:collect")
