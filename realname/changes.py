"""变更税务登记: a firm asks, an officer approves or returns, the register of people is changed (D25, M102 to M107).

The register alone is changed here. 【同步办税人】 brings the portal's memberships in line with it.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit, notices, numbers, officers, signins, throttles
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.limits import SCANS
from accounts.models import Person, Taxpayer
from accounts.refusals import refusals_recorded
from accounts.words import as_kept, for_phones
from realname import change_rows, counter, scans
from realname.change_rows import Details, Row, details_of
from realname.models import ChangeKind, ChangeOutcome, ChangeRequest, ChangeScan, Position, Post

FUNCTION = "tax.matters.change"
"""The leaf of the function tree that its pages and services ask for (D7, D23)."""
NO_DOCUMENT = gettext_lazy("需上传变更后的财务负责人身份证信息.")
"""What an officer returns a 财务负责人变更 with when the stamped document is missing or unreadable (M142)."""


def finance_post(taxpayer: Taxpayer) -> Post | None:
    """Who is 财务负责人 by the register today."""
    posts = Post.objects.open().filter(taxpayer=taxpayer, position=Position.FINANCE)
    return posts.select_related("person").order_by("-since", "-pk").first()


def submit_finance(after: Details, rows: Collection[Row], scan: bytes, *, by: Actor) -> ChangeRequest:
    """财务负责人变更: ask for another finance officer, with the stamped copy of his document (M138 to M144).

    Raises ValidationError `unchanged_rows` (with `params["rows"]`), `phone_only`, `must_change_together`,
    `id_number`, `mobile`, `scan_missing`, one of `scans.rebuilt`, `too_many_scans`, `request_open`, `code_needed`;
    PermissionDenied for who doesn't hold the function.
    """
    _person, taxpayer = _require_holder(by)
    post = finance_post(taxpayer)
    before = details_of(post)
    change_rows.check(before, after, rows)
    kept = {row.value: after.of(row) if row in rows else "" for row in Row}
    kept["id_type"] = after.id_type if Row.ID_TYPE in rows else before.id_type
    kept["id_number"] = numbers.clean_id_number(kept["id_type"], kept["id_number"])
    kept["mobile"] = numbers.clean_mobile(kept["mobile"])
    if not scan:
        raise ValidationError(
            _("必须上传变更后的财务负责人身份证复印件（加盖公章），否则无法审批通过。"), code="scan_missing"
        )
    request = ChangeRequest(taxpayer=taxpayer, kind=ChangeKind.FINANCE_CHANGED, post=post, **kept)
    with _refusals_recorded(request, by=by):
        return _submit(request, scan, by=by)


def submit_clerk(after: Details, scan: bytes = b"", *, by: Actor) -> ChangeRequest:
    """办税人员信息, 增加: ask for a new clerk (M104). A scan is welcome, not needed.

    Raises ValidationError `id_number`, `mobile`, `already_registered`, `request_open` and those of a scan.
    """
    _person, taxpayer = _require_holder(by)
    after = Details(
        name=after.name,
        id_type=after.id_type,
        id_number=numbers.clean_id_number(after.id_type, after.id_number),
        mobile=numbers.clean_mobile(after.mobile),
        landline=after.landline,
    )
    columns: dict[str, Any] = {row.value: after.of(row) for row in Row}
    request = ChangeRequest(taxpayer=taxpayer, kind=ChangeKind.CLERK_ADDED, **columns)
    with _refusals_recorded(request, by=by):
        known = Person.objects.by_id_number(after.id_type, after.id_number).filter(name=after.name)
        clerks = Post.objects.open().filter(taxpayer=taxpayer, position=Position.CLERK)
        if clerks.filter(person__in=known).exists():
            raise _already_registered()
        return _submit(request, scan, by=by)


def submit_end(post: Post, *, by: Actor) -> ChangeRequest:
    """办税人员信息, 终止: ask that a clerk's post ends.

    Raises ValidationError `not_a_clerk`, `post_ended`, `request_open`, `code_needed`; PermissionDenied.
    """
    _person, taxpayer = _require_holder(by)
    request = ChangeRequest(taxpayer=taxpayer, kind=ChangeKind.CLERK_ENDED, post=post)
    with _refusals_recorded(request, by=by):
        _require_own_open(post, taxpayer, by=by)
        if post.position != Position.CLERK:
            text = _("法定代表人（业主）的变更请到税务机关前台办理，财务负责人请办理【财务负责人变更】。")
            raise ValidationError(text, code="not_a_clerk")
        return _submit(request, by=by)


def submit_phones(post: Post, *, mobile: str, landline: str, by: Actor) -> ChangeRequest:
    """办税人员信息, 修改电话: ask for other phones in the register, such as one out of 【固定电话】 (M91, M92).

    Raises ValidationError `mobile`, `mobile_in_landline`, `phones_unchanged`, `post_ended`, `request_open`.
    """
    _person, taxpayer = _require_holder(by)
    mobile, landline = numbers.clean_mobile(mobile), numbers.fold(landline)
    if numbers.is_mobile(landline):
        text = _("手机号码应填在【移动电话】项目内，填在【固定电话】项目内无法发送验证码。")
        raise ValidationError(text, code="mobile_in_landline")
    phones = {"mobile": mobile, "landline": landline}
    request = ChangeRequest(taxpayer=taxpayer, kind=ChangeKind.PHONES_CHANGED, post=post, **phones)
    with _refusals_recorded(request, by=by):
        _require_own_open(post, taxpayer, by=by)
        before = details_of(post)
        if (mobile, landline) == (before.mobile, before.landline):
            raise ValidationError(_("与税务登记中的电话相同，没有需要变更的内容。"), code="phones_unchanged")
        return _submit(request, by=by)


def withdraw(request: ChangeRequest, *, by: Actor) -> None:
    """撤消: the firm takes a pending or returned request back; its scans are deleted (M143).

    Raises ValidationError `request_settled`; PermissionDenied for who doesn't hold the function or is of another firm.
    """
    _person, taxpayer = _require_holder(by)
    if request.taxpayer_id != taxpayer.pk:
        raise PermissionDenied
    what = _in_words(request)

    def is_repetition() -> bool:
        return audit.has_just_done(Kind.CHANGE_WITHDRAWN, by=by, **what)

    recorded = refusals_recorded(Kind.CHANGE_WITHDRAWN, by=by, is_repetition=is_repetition, **what)
    with recorded, transaction.atomic():
        locked = ChangeRequest.objects.select_for_update(no_key=True).get(pk=request.pk)
        if locked.withdrawn_at is not None or locked.outcome == ChangeOutcome.APPROVED:
            raise ValidationError(_("该申请已批准或已撤消，不能再撤消，请刷新后查看。"), code="request_settled")
        locked.withdrawn_at = timezone.now()
        locked.save(update_fields=["withdrawn_at"])
        locked.scans.all().delete()
        audit.record(Kind.CHANGE_WITHDRAWN, by=by, **what)


def show_scan(scan: ChangeScan, *, by: Actor) -> bytes:
    """The scan as JPEG, for the firm's holders of the function and for reviewers; recorded (FIL-04).

    Raises PermissionDenied for anybody else.
    """
    taxpayer = scan.request.taxpayer
    if by.is_officer:
        officers.require_reviewer(by)
    elif _require_holder(by)[1].pk != taxpayer.pk:
        raise PermissionDenied
    audit.record(Kind.PHOTO_SEEN, by=by, taxpayer=taxpayer, name=_kind_in_words(scan.request))
    return scans.unpacked(scan.content)


def _require_holder(by: Actor) -> tuple[Person, Taxpayer]:
    """Person and taxpayer of somebody who holds the function, for his own firm and after a fresh code (D15, M137).

    Raises PermissionDenied, with an entry in the record, and ValidationError `code_needed`.
    """
    if by.person is None or by.taxpayer is None or by.via is not None or not by.holds(FUNCTION):
        audit.record(Kind.ACT_REFUSED, by=by, reason="not_held", function=FUNCTION)
        raise PermissionDenied(_("您没有“变更税务登记”功能，请联系法定代表人（业主）或财务负责人。"))
    if signins.needs_code(by):
        raise ValidationError(_("请先通过短信验证码确认是您本人。"), code="code_needed")
    return by.person, by.taxpayer


def _refusals_recorded(request: ChangeRequest, *, by: Actor) -> AbstractContextManager[None]:
    """Whatever stands in the way of a request that is whole is one entry (D28); what is filled in wrong is none."""

    def is_repetition() -> bool:
        whose = {"taxpayer": request.taxpayer, "kind": request.kind, "post": request.post}
        last = ChangeRequest.objects.filter(**whose, withdrawn_at__isnull=True).order_by("-pk").first()
        if last is None or any(getattr(last, row.value) != getattr(request, row.value) for row in Row):
            return False
        return audit.has_just_done(Kind.CHANGE_SUBMITTED, by=by, **_in_words(last))

    name = _kind_in_words(request)
    return refusals_recorded(Kind.CHANGE_SUBMITTED, by=by, is_repetition=is_repetition, name=name)


def _require_own_open(post: Post, taxpayer: Taxpayer, *, by: Actor) -> None:
    if post.taxpayer_id != taxpayer.pk:
        audit.record(Kind.NOT_FOUND, by=by, reason="not_yours", what="post")
        raise PermissionDenied
    if not Post.objects.open().filter(pk=post.pk).exists():
        raise ValidationError(_("该任职已经结束，请刷新后查看。"), code="post_ended")


def _rebuilt(scan: bytes, *, by: Person) -> bytes:
    """The scan made anew; ten a day for one person, broken ones among them (FIL-05)."""
    obstacle = throttles.take((SCANS, str(by.uid)))
    if obstacle is not None:
        raise ValidationError(
            _("今天上传的文件过多，请在%(hours)s小时后再试，或到税务机关前台办理。"),
            code="too_many_scans",
            params={"hours": -(-obstacle[1] // 3600)},
        )
    return scans.rebuilt(scan)


def _submit(request: ChangeRequest, scan: bytes = b"", *, by: Actor) -> ChangeRequest:
    """Write the request and its scan; the database says whether another one stands in the way."""
    assert by.person is not None  # noqa: S101 - _require_holder lets nobody else so far
    picture = _rebuilt(scan, by=by.person) if scan else b""
    request.submitted_by = by.person
    with transaction.atomic():
        try:
            with transaction.atomic():
                request.save()
        except IntegrityError as error:
            text = _("同一事项已有一份申请待审核或已退回，请先撤消原申请，再重新提交。")
            raise ValidationError(text, code="request_open") from error
        if picture:
            ChangeScan.objects.create(request=request, content=scans.packed(picture))
        audit.record(Kind.CHANGE_SUBMITTED, by=by, **_in_words(request))
    return request


def _in_words(request: ChangeRequest) -> dict[str, Any]:
    """What an entry keeps of a request: what it asks for, and which it is."""
    return {"name": _kind_in_words(request), "request": str(request.uid)}


def _kind_in_words(request: ChangeRequest) -> str:
    """As messages say it, and the record, whose reader has it translated."""
    return as_kept(ChangeKind(request.kind).label)


def _already_registered() -> ValidationError:
    text = _("该人员已是税务登记中的办税员，无需增加。如不能登录，请【同步办税人】并核对实名采集。")
    return ValidationError(text, code="already_registered")


def approve(request: ChangeRequest, *, by: Actor) -> None:
    """批准: an officer changes the register as asked. Whoever sent it is told by SMS.

    Raises ValidationError `not_pending`, `own_affair`, `register_changed`, `name_differs`, `already_registered`;
    PermissionDenied for who is no reviewer.
    """
    officer = officers.require_reviewer(by)
    with transaction.atomic():
        locked = _require_pending(request, officer)
        target = _change_register(locked)
        _decide(locked, ChangeOutcome.APPROVED, "", by=by)
        audit.record(Kind.CHANGE_APPROVED, by=by, taxpayer=locked.taxpayer, target=target, name=_kind_in_words(locked))
        _tell(locked, for_phones("提交的%(kind)s已批准，请登录后按页面提示完成后续步骤。"))


def return_(request: ChangeRequest, reason: str, *, by: Actor) -> None:
    """退回: an officer says what is to be mended; the register stays as it is (M142). Whoever sent it is told by SMS.

    Raises ValidationError `reason_missing`, `reason_too_long`, `not_pending`, `own_affair`; PermissionDenied.
    """
    officer = officers.require_reviewer(by)
    reason = reason.strip()
    if not reason:
        raise ValidationError(_("请填写退回原因，让企业知道怎样修改。"), code="reason_missing")
    if len(reason) > 200:
        raise ValidationError(_("退回原因最多200个字符。"), code="reason_too_long")
    with transaction.atomic():
        locked = _require_pending(request, officer)
        _decide(locked, ChangeOutcome.RETURNED, reason, by=by)
        what = _kind_in_words(locked)
        audit.record(Kind.CHANGE_RETURNED, by=by, taxpayer=locked.taxpayer, name=what, reason_given=reason)
        _tell(locked, for_phones("提交的%(kind)s已退回，请登录查看原因，撤消后重新提交。"))


def show_numbers(request: ChangeRequest, *, by: Actor) -> None:
    """Note that a reviewer is shown this request's names and numbers in full (D27). Raises PermissionDenied."""
    officers.require_reviewer(by)
    audit.record(Kind.NUMBER_SHOWN, by=by, taxpayer=request.taxpayer, which="all")


def _require_pending(request: ChangeRequest, officer: Person) -> ChangeRequest:
    rows = ChangeRequest.objects.select_related("taxpayer", "submitted_by")
    locked = rows.select_for_update(no_key=True, of=("self",)).get(pk=request.pk)
    if locked.decided_at is not None or locked.withdrawn_at is not None:
        raise ValidationError(_("该申请已审核或已撤消，请刷新后查看。"), code="not_pending")
    if _concerns(officer, locked):
        raise officers.own_affair()
    return locked


def _concerns(officer: Person, request: ChangeRequest) -> bool:
    """Whether he sent it, is to come himself, or works for the firm by the register."""
    comes = (
        Person.objects.by_id_number(request.id_type, request.id_number) if request.id_number else Person.objects.none()
    )
    comes_himself = comes.filter(pk=officer.pk).exists()
    return request.submitted_by == officer or comes_himself or counter.works_at(request.taxpayer, officer)


def _decide(locked: ChangeRequest, outcome: ChangeOutcome, reason: str, *, by: Actor) -> None:
    locked.decided_at, locked.decided_by, locked.outcome, locked.reason = timezone.now(), by.person, outcome, reason
    locked.save(update_fields=["decided_at", "decided_by", "outcome", "reason"])


def _tell(request: ChangeRequest, text: str) -> None:
    kind = {"kind": f"“{request.taxpayer.name}”{_kind_in_words(request)}"}
    notices.tell(request.submitted_by, text % kind)


def _change_register(request: ChangeRequest) -> Person:
    """Do to the register what the request asks; whom it is about."""
    match ChangeKind(request.kind):
        case ChangeKind.CLERK_ADDED:
            return _add_clerk(request)
        case ChangeKind.FINANCE_CHANGED:
            return _replace_finance(request)
        case ChangeKind.CLERK_ENDED:
            post = _locked_open_post(request)
            _end(post)
        case ChangeKind.PHONES_CHANGED:
            post = _locked_open_post(request)
            post.mobile, post.landline = request.mobile, request.landline
            post.save(update_fields=["mobile", "landline"])
    return post.person


def _add_clerk(request: ChangeRequest) -> Person:
    person = _person_of(request)
    if Post.objects.open().filter(taxpayer=request.taxpayer, person=person, position=Position.CLERK).exists():
        raise _already_registered()
    _begin(request, person, Position.CLERK, landline=request.landline)
    return person


def _replace_finance(request: ChangeRequest) -> Person:
    """The old finance officer's post ends today, and the new one's begins: he is out at his next click (D20)."""
    posts = Post.objects.select_for_update(no_key=True).open()
    old = list(posts.filter(taxpayer=request.taxpayer, position=Position.FINANCE))
    person = _person_of(request)
    if [post.pk for post in old] != ([request.post_id] if request.post_id else []):
        raise _register_changed()
    if any(post.person_id == person.pk for post in old):
        raise _register_changed()
    for post in old:
        _end(post)
    landline = request.landline or (old[0].landline if old else "")
    _begin(request, person, Position.FINANCE, landline=landline)
    return person


def _locked_open_post(request: ChangeRequest) -> Post:
    post = Post.objects.select_for_update(no_key=True).open().filter(change_requests=request).first()
    if post is None:
        raise _register_changed()
    return post


def _register_changed() -> ValidationError:
    text = _("提交后税务登记已有变化，不能批准。请退回，由企业按现在的登记重新提交。")
    return ValidationError(text, code="register_changed")


def _person_of(request: ChangeRequest) -> Person:
    """Who shall come, found by his document or added to the register's people; names must agree."""
    known = Person.objects.find_or_add(request.name, id_type=request.id_type, id_number=request.id_number)
    if known.name != request.name:
        text = _("该证件号码登记的姓名与申请中的不一致，不能批准。请核对证件后退回。")
        raise ValidationError(text, code="name_differs")
    return known


def _end(post: Post) -> None:
    post.until = timezone.localdate()
    post.save(update_fields=["until"])


def _begin(request: ChangeRequest, person: Person, position: Position, *, landline: str) -> None:
    """A post from today on; one that began and ended today goes on, and must be confirmed anew (D34, D18)."""
    values = {"mobile": request.mobile, "landline": landline, "until": None, "linked_at": None}
    today = timezone.localdate()
    try:
        with transaction.atomic():
            Post.objects.update_or_create(
                taxpayer=request.taxpayer, person=person, position=position, since=today, defaults=values
            )
    except IntegrityError as error:
        raise _register_changed() from error
