"""代理申请, the agency's side: asking a client, and taking it back; its leads and managers (D8, D23)."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, numbers, throttles
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.limits import PROPOSALS, PROPOSALS_TO_ONE
from accounts.models import Person, Taxpayer
from accounts.words import for_phones
from agencies.models import EndReason, Engagement
from agencies.services import engagements
from agencies.services.engagements import locked, tell
from realname import posts
from staff.services import rights


def require_agency(by: Actor) -> tuple[Person, Taxpayer]:
    """Person and agency of a lead or manager at work in the agency itself.

    Raises PermissionDenied, with an entry in the record, for anybody else; ValidationError `code_needed` (D15).
    """
    person, agency = rights.require_manager(by)
    if agency.kind != Taxpayer.Kind.AGENCY:
        audit.record(Kind.ACT_REFUSED, by=by, reason="not_an_agency")
        raise PermissionDenied(_("只有涉税代理机构可以进行此操作。"))
    return person, agency


def propose(code: str, *, by: Actor) -> Engagement:
    """申请: ask the taxpayer with this folded number to let the agency act; its leads are told.

    Raises ValidationError `own_firm`, `client_not_found` (unknown, not open, or 纯社保户 alike), `already_open`,
    `too_many_requests`; and as `require_agency`.
    """
    person, agency = require_agency(by)
    client = Taxpayer.objects.filter(code=code).exclude(kind=Taxpayer.Kind.SOCIAL_INSURANCE).first()
    with transaction.atomic():
        refusal = _why_not(agency, client, code)
        asked = _ask(agency, client, person) if client is not None and refusal is None else None
        if asked is None and refusal is None:
            text = _("该企业已有待确认的申请或有效的认定，不需要再申请。请在列表中查看。")
            refusal = ValidationError(text, code="already_open")
        reason = str(refusal.code) if refusal else ""
        # Whose number it is the agency learns from nothing that it wasn't told on the page.
        name = client.name if client is not None and reason in ("", "own_firm", "already_open") else ""
        audit.record(Kind.ENGAGEMENT_PROPOSED, by=by, reason=reason, name=name, number=numbers.mask_id_number(code))
    if refusal is not None or asked is None:
        raise refusal or rights.stale()
    return asked


def has_just_proposed(code: str, *, by: Actor) -> bool:
    """Whether the actor has within the last minute asked the taxpayer with this number: sent twice (F12)."""
    client = Taxpayer.objects.filter(code=code).first()
    return client is not None and audit.has_just_done(Kind.ENGAGEMENT_PROPOSED, by=by, name=client.name)


def _why_not(agency: Taxpayer, client: Taxpayer | None, code: str) -> ValidationError | None:
    """Counts the request as well: whoever asks about many numbers is slowed, whatever he finds."""
    if client == agency:
        return ValidationError(_("委托企业不能是本机构。"), code="own_firm")
    obstacle = throttles.take((PROPOSALS, str(agency.uid)), (PROPOSALS_TO_ONE, f"{agency.uid}:{code}"))
    if obstacle is not None:
        text = _("发送申请过于频繁，请在%(hours)s小时后再试。")
        return ValidationError(text, code="too_many_requests", params={"hours": -(-obstacle[1] // 3600)})
    if client is None or not client.is_open:
        text = _(
            "未查询到可以委托代理的纳税人。请核对纳税人识别号；纯社保户、未开通电子税务局或已注销的纳税人不能委托代理。"
        )
        return ValidationError(text, code="client_not_found")
    return None


def _ask(agency: Taxpayer, client: Taxpayer, person: Person) -> Engagement | None:
    """The new request, its client's leads told; None where one is open already, pending or recognised."""
    engagements.end_overdue(agency=agency, client=client)
    try:
        with transaction.atomic():
            engagement = Engagement.objects.create(
                agency=agency, client=client, proposed_at=timezone.now(), proposed_by=person
            )
    except IntegrityError:
        return None
    words = {"agency": agency.name, "client": client.name}
    text = for_phones("“%(agency)s”申请代理“%(client)s”的涉税业务，请在【代理机构认定管理】中接受或拒绝。") % words
    tell(posts.leads_of(client), text)
    return engagement


def withdraw(engagement: Engagement, *, version: int, by: Actor) -> None:
    """撤回 a request that is pending.

    Raises ValidationError `over`, `stale`, `not_pending`; and as `require_agency`.
    """
    require_agency(by)
    with locked(Kind.ENGAGEMENT_WITHDRAWN, engagement, version, by=by) as row:
        refuse_unless_pending(row)
        engagements.end(row, EndReason.WITHDRAWN)


def refuse_unless_pending(engagement: Engagement) -> None:
    """Raise ValidationError `over` or `not_pending` for what can't be withdrawn."""
    engagements.refuse_if_over(engagement)
    if engagement.recognised_at is not None:
        raise ValidationError(_("委托企业已经认定，不能撤回申请；解除代理请联系委托企业取消。"), code="not_pending")
