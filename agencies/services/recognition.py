"""代理机构认定管理, the client's side: its legal representative and finance officer alone (M53, D23)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Taxpayer
from accounts.refusals import refusals_recorded
from accounts.words import for_phones
from agencies.models import EndReason, Engagement
from agencies.services import engagements, handlers
from agencies.services.engagements import locked, tell, working_handlers
from realname import posts
from staff import functions
from staff.models import Identity
from staff.services import identities, rights


@dataclass(frozen=True, slots=True)
class Terms:
    """What a client lends: one of its identities, from a day to a last day or without end.

    `seen` is the identity's version when its functions were shown for confirmation; None where nobody was shown any.
    """

    identity: Identity
    valid_from: date
    valid_until: date | None = None
    seen: int | None = None

    @property
    def lent(self) -> frozenset[str]:
        """The functions lent: those of the identity that can be."""
        return identities.held_by(self.identity) & functions.LENDABLE

    @property
    def dropped(self) -> frozenset[str]:
        """Those of the identity that can't be lent (D23)."""
        return (identities.held_by(self.identity) & functions.ALL) - functions.LENDABLE

    @property
    def picture(self) -> dict[str, Any]:
        """What an entry shows before and after, as of `picture_of`."""
        return _picture(self.identity, self.valid_from, self.valid_until)

    @property
    def details(self) -> dict[str, Any]:
        """What the record keeps of them."""
        days = {"valid_from": self.valid_from, "valid_until": self.valid_until}
        return {
            "identity": self.identity.name,
            "functions": sorted(self.lent),
            **{name: day.isoformat() if day else None for name, day in days.items()},
        }


def _picture(identity: Identity | None, first: date | None, last: date | None) -> dict[str, Any]:
    days = {"first_day": first, "last_day": last}
    return {
        "lent": identity.name if identity else "",
        **{name: day.isoformat() if day else None for name, day in days.items()},
    }


def picture_of(engagement: Engagement) -> dict[str, Any]:
    """What the record keeps of an engagement before and after it is agreed upon or changed (D28)."""
    return _picture(engagement.identity, engagement.valid_from, engagement.valid_until)


def check(terms: Terms, *, since: date | None = None, by: Actor) -> None:
    """Raise ValidationError for terms that can't be: `foreign_identity`, `nothing_lent`, or one of the dates' codes.

    `since` is the first day agreed before, which may lie in the past.
    """
    today = timezone.localdate()
    if by.taxpayer is None or terms.identity.taxpayer_id != by.taxpayer.pk:
        raise ValidationError(_("请从列表中选择权限身份。"), code="foreign_identity")
    if not terms.lent:
        text = _("该权限身份没有可以出借给代理机构的功能。请换一个身份，或先在【身份维护】中勾选功能。")
        raise ValidationError(text, code="nothing_lent")
    if terms.valid_from < today and terms.valid_from != since:
        raise ValidationError(_("开始日期不能早于今天。"), code="from_in_the_past")
    if terms.valid_until is not None and terms.valid_until < terms.valid_from:
        raise ValidationError(_("截止日期不能早于开始日期。"), code="dates_inverted")
    if terms.valid_until is not None and terms.valid_until < today:
        raise ValidationError(_("截止日期不能早于今天。"), code="until_in_the_past")


def check_agency(agency: Taxpayer, *, by: Actor) -> None:
    """Raise ValidationError `own_firm` or `not_an_agency` for whom this client can't recognise."""
    if agency == by.taxpayer:
        raise ValidationError(_("不能认定本机构为自己的代理机构。"), code="own_firm")
    if agency.kind != Taxpayer.Kind.AGENCY or not agency.is_open:
        text = _("该单位不是可以认定的代理机构，或已注销。请先【同步代理机构信息】，再从列表中选择。")
        raise ValidationError(text, code="not_an_agency")


def recognise(agency: Taxpayer, *, terms: Terms, by: Actor) -> Engagement:
    """认定: let this agency act from now on. A request of its that is pending is thereby accepted.

    Raises ValidationError `own_firm`, `not_an_agency`, `already_recognised`, `stale`, `code_needed`, and as `check`;
    PermissionDenied for who isn't LR or FR.
    """
    _person, client = rights.require_lead(by)
    with refusals_recorded(Kind.ENGAGEMENT_RECOGNISED, by=by, name=agency.name), transaction.atomic():
        Taxpayer.objects.select_for_update(no_key=True).only("pk").get(pk=client.pk)
        check_agency(agency, by=by)
        check(terms, by=by)
        engagements.end_overdue(by=by, agency=agency, client=client)
        engagement = _pending(agency, client)
        agreed = {"before": picture_of(engagement), "after": terms.picture, **terms.details}
        _agree(engagement, terms)
        engagement.recognised_at = max(timezone.now(), engagement.proposed_at)
        last = _before(engagement)
        if last is not None and engagement.group is None:
            engagement.group = last.group
        engagements.save(engagement, Kind.ENGAGEMENT_RECOGNISED, by=by, **agreed)
        people = [*posts.leads_of(agency), *([engagement.proposed_by] if engagement.proposed_by else [])]
        words = {"client": client.name, "agency": agency.name}
        tell(people, for_phones("“%(client)s”已认定“%(agency)s”为其代理机构，请指定代办人员。") % words)
        if last is not None and last.ended_because == EndReason.EXPIRED:
            handlers.name_again(engagement, last)
    return engagement


def _before(engagement: Engagement) -> Engagement | None:
    """What was last recognised between the two and is over: the agency's order of its clients goes on from there."""
    rows = Engagement.objects.filter(agency=engagement.agency, client=engagement.client, recognised_at__isnull=False)
    over = rows.filter(ended_at__isnull=False).exclude(pk=engagement.pk)
    return over.select_related("agency", "client", "group").order_by("-ended_at", "-pk").first()


def has_just_recognised(agency: Taxpayer, terms: Terms, *, by: Actor) -> bool:
    """Whether the actor has within the last minute recognised this agency on these terms: sent twice (F12)."""
    return audit.has_just_done(Kind.ENGAGEMENT_RECOGNISED, by=by, name=agency.name, **terms.details)


def _pending(agency: Taxpayer, client: Taxpayer) -> Engagement:
    """The agency's request, locked, or a new row in its place."""
    rows = Engagement.objects.open().select_related("agency", "client", "proposed_by")
    found = rows.select_for_update(no_key=True, of=("self",)).filter(agency=agency, client=client).first()
    if found is None:
        return _begin(agency, client)
    if found.recognised_at is not None:
        raise ValidationError(_("已经认定该代理机构。如需调整，请在列表中【修改】。"), code="already_recognised")
    return found


def _begin(agency: Taxpayer, client: Taxpayer) -> Engagement:
    try:
        with transaction.atomic():
            return Engagement.objects.create(agency=agency, client=client, proposed_at=timezone.now())
    except IntegrityError as error:  # the agency asked at the same moment
        raise rights.stale() from error


def _agree(engagement: Engagement, terms: Terms) -> None:
    # The identity is locked against its being deleted or changed meanwhile; who does so holds this lock.
    found = Identity.objects.select_for_update(no_key=True).filter(pk=terms.identity.pk).first()
    if found is None:
        raise rights.stale()
    if terms.seen not in (None, found.version):
        text = _("权限身份“%(name)s”在您查看之后已被修改，没有保存。请刷新，重新核对将要出借的功能后再确认。")
        raise ValidationError(text, code="stale", params={"name": found.name})
    engagement.identity, engagement.valid_from = terms.identity, terms.valid_from
    engagement.valid_until = terms.valid_until


def refuse_unless_pending(engagement: Engagement) -> None:
    """Raise ValidationError `over` or `not_pending` for what isn't a request that waits for its answer."""
    engagements.refuse_if_over(engagement)
    if engagement.recognised_at is not None:
        raise ValidationError(_("该代理机构的申请已经处理。"), code="not_pending")


def change(engagement: Engagement, *, version: int, terms: Terms, by: Actor) -> None:
    """修改: lend another identity, or on other days; whoever acts by it does so by the new terms at his next click.

    Raises ValidationError `over`, `stale`, `not_recognised`, and as `check`; PermissionDenied for who isn't LR or FR.
    """
    rights.require_lead(by)
    changed = {"before": picture_of(engagement), "after": terms.picture, **terms.details}
    with locked(Kind.ENGAGEMENT_CHANGED, engagement, version, by=by, **changed) as row:
        refuse_unless_recognised(row)
        check(terms, since=row.valid_from, by=by)
        _agree(row, terms)
        words = {"client": row.client.name}
        tell(posts.leads_of(row.agency), for_phones("“%(client)s”已修改对贵机构的代理认定，请登录后查看。") % words)


def refuse_unless_recognised(engagement: Engagement) -> None:
    """Raise ValidationError `over` or `not_recognised` for what doesn't stand, or is only asked for."""
    engagements.refuse_if_over(engagement)
    if engagement.recognised_at is None:
        raise ValidationError(_("该代理机构尚未认定，请先接受或拒绝申请。"), code="not_recognised")


def cancel(engagement: Engagement, *, note: str = "", by: Actor) -> None:
    """取消: nobody of the agency may act from this moment on; its leads, and the handlers who could act, are told.

    It asks for no version: what the agency changes meanwhile (its handlers, its groups) must not put off the end.
    Raises ValidationError `over`, `not_recognised`; PermissionDenied for who isn't LR or FR.
    """
    rights.require_lead(by)
    with locked(Kind.ENGAGEMENT_CANCELLED, engagement, None, by=by, reason_given=note) as row:
        refuse_unless_recognised(row)
        people = [*posts.leads_of(row.agency), *working_handlers(row)]
        engagements.end(row, EndReason.CANCELLED, note=note)
        tell(people, for_phones("“%(client)s”已取消代理认定，不能再代其办税。") % {"client": row.client.name})


def decline(engagement: Engagement, *, note: str = "", by: Actor) -> None:
    """拒绝 a request; the agency may send it again. As `cancel`, it asks for no version.

    Raises ValidationError `over`, `not_pending`; PermissionDenied for who isn't LR or FR.
    """
    rights.require_lead(by)
    with locked(Kind.ENGAGEMENT_DECLINED, engagement, None, by=by, reason_given=note) as row:
        refuse_unless_pending(row)
        engagements.end(row, EndReason.DECLINED, note=note)
        people = [row.proposed_by] if row.proposed_by else posts.leads_of(row.agency)
        tell(people, for_phones("“%(client)s”已拒绝代理申请。") % {"client": row.client.name})


@dataclass(frozen=True, slots=True)
class Synced:
    """What a synchronisation found: how many engagements it ended because the agency is no more, or overdue."""

    gone: int
    overdue: int


def synchronise(*, by: Actor) -> Synced:
    """同步代理机构信息: end what stands with agencies that the register has cancelled, and what is overdue (M53).

    Raises PermissionDenied for who isn't LR or FR, ValidationError `code_needed`.
    """
    _person, client = rights.require_lead(by)
    with transaction.atomic():
        rows = Engagement.objects.open().filter(client=client).select_related("identity", "agency", "client")
        gone = list(
            rows.exclude(agency__kind=Taxpayer.Kind.AGENCY, agency__cancelled_at__isnull=True).select_for_update(
                no_key=True, of=("self",)
            )
        )
        engagements.close(gone, EndReason.AGENCY_GONE, by=by)
        found = Synced(len(gone), engagements.end_overdue(by=by, client=client))
        audit.record(Kind.AGENCIES_SYNCED, by=by, gone=found.gone, overdue=found.overdue)
    return found
