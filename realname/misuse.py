"""非本人任职: who says that a firm uses his name without him, and the officer who decides (D35)."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, notices, officers, signins
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Person, Taxpayer
from accounts.refusals import own_refusals_recorded
from accounts.words import for_phones
from realname import counter
from realname.models import MisuseCase, Post


def report(taxpayer: Taxpayer, *, statement: str, by: Actor) -> MisuseCase:
    """非本人任职: I say that this taxpayer uses my name without me (D35). My identity there is blocked at once.

    Raises ValidationError `no_post`, `already_reported`, `no_statement`, `code_needed`; PermissionDenied for a visitor.
    """
    if by.person is None:
        raise PermissionDenied
    if signins.needs_code(by):
        raise ValidationError(_("请先通过短信验证码确认是您本人。"), code="code_needed")
    if not statement.strip():
        raise ValidationError(_("请说明情况。"), code="no_statement")
    with own_refusals_recorded(Kind.MISUSE_REPORTED, taxpayer, by=by), transaction.atomic():
        if not Post.objects.open().filter(taxpayer=taxpayer, person=by.person).exists():
            raise ValidationError(_("该企业的税务登记中没有您的任职，无需申报。"), code="no_post")
        case = _open_case(taxpayer, by.person, statement)
        audit.record(Kind.MISUSE_REPORTED, by=by, taxpayer=taxpayer, target=by.person, case=str(case.uid))
        text = for_phones("您已申报在%(firm)s的任职为非本人任职，您的身份在该企业已停止使用，核实结果将另行通知。")
        notices.tell(by.person, text % {"firm": f"“{taxpayer.name}”"})
    return case


def _open_case(taxpayer: Taxpayer, person: Person, statement: str) -> MisuseCase:
    try:
        with transaction.atomic():
            return MisuseCase.objects.create(taxpayer=taxpayer, person=person, statement=statement)
    except IntegrityError as error:
        raise ValidationError(_("您已申报过，税务机关正在核实。"), code="already_reported") from error


def decide(case: MisuseCase, *, upheld: bool, reason: str, by: Actor) -> None:
    """An officer decides: upheld, and the posts end and stay blocked; or rejected, and the block is lifted (D35).

    Raises ValidationError `already_decided`, `no_reason`, `own_affair` for the case's own person and for who works for
    the firm; PermissionDenied for who is no reviewer. He whom it is about is told by SMS.
    """
    officer = officers.require_reviewer(by)
    if officer.pk == case.person_id or counter.works_at(case.taxpayer, officer):
        raise officers.own_affair()
    if not reason.strip():
        raise ValidationError(_("请填写核实意见。"), code="no_reason")
    outcome = MisuseCase.Outcome.UPHELD if upheld else MisuseCase.Outcome.REJECTED
    with transaction.atomic():
        locked = MisuseCase.objects.select_for_update(no_key=True).get(pk=case.pk)
        if locked.decided_at is not None:
            raise ValidationError(_("该申报已经办结。"), code="already_decided")
        locked.decided_at, locked.decided_by = timezone.now(), by.person
        locked.outcome, locked.decision = outcome, reason
        locked.save(update_fields=["decided_at", "decided_by", "outcome", "decision"])
        posts = Post.objects.open().filter(taxpayer=locked.taxpayer, person=locked.person)
        ended = posts.update(until=timezone.localdate()) if upheld else 0
        audit.record(
            Kind.MISUSE_DECIDED,
            by=by,
            taxpayer=locked.taxpayer,
            target=locked.person,
            case=str(locked.uid),
            outcome=outcome.value,
            reason_given=reason,
            posts_ended=ended,
        )
        _tell_of_decision(locked)


def _tell_of_decision(case: MisuseCase) -> None:
    firm = {"firm": f"“{case.taxpayer.name}”"}
    if case.outcome == MisuseCase.Outcome.UPHELD:
        text = for_phones("经核实，您在%(firm)s的任职确非本人任职，已予终止。")
    else:
        text = for_phones("经核实，您在%(firm)s的任职属实，您的身份已恢复使用。")
    notices.tell(case.person, text % firm)
