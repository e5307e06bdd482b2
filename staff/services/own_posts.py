"""解除: ending one's own work for a taxpayer, in one's own 我的任职."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit, signins
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Taxpayer
from accounts.models.signins import EndReason
from accounts.refusals import own_refusals_recorded
from accounts.words import for_phones
from realname import posts
from staff import signals, standing
from staff.models import Membership
from staff.services.members import picture_of
from staff.standing import Standing


def leave(taxpayer: Taxpayer, *, by: Actor) -> None:
    """解除: my membership here is over at once, its history stays, and my sign-ins for it end.

    The 关联 of my posts is taken back with it: I can't be added again without confirming anew (M15, D18). Legal
    representative and finance officer are told by SMS. Raises ValidationError `lead`, `nothing_to_leave`,
    `code_needed`; PermissionDenied for a visitor.
    """
    if by.person is None:
        raise PermissionDenied
    if signins.needs_code(by):
        raise ValidationError(_("请先通过短信验证码确认是您本人。"), code="code_needed")
    with own_refusals_recorded(Kind.POST_LEFT, taxpayer, by=by), transaction.atomic():
        locked = Membership.objects.open().filter(taxpayer=taxpayer, person=by.person)
        membership = locked.select_for_update(no_key=True).first()
        _refuse_unless_it_can_be_left(standing.of_person(by.person, taxpayer))
        before = picture_of(membership) if membership else {}
        if membership is not None:
            _end(membership)
            signals.membership_ended.send(Membership, membership=membership, by=by)
        posts.unlink(by.person, taxpayer)
        ended = signins.end_all(by.person, taxpayer, EndReason.LEFT)
        audit.record(
            Kind.POST_LEFT,
            by=by,
            taxpayer=taxpayer,
            target=by.person,
            before=before,
            after=picture_of(membership) if membership else {},
            sign_ins_ended=ended,
        )
        text = for_phones("%(name)s已解除在%(firm)s的任职，不再是办税人员。")
        posts.tell_leads(taxpayer, text % {"name": by.person.masked_name, "firm": f"“{taxpayer.name}”"})


def _refuse_unless_it_can_be_left(found: Standing) -> None:
    if found.is_lead:
        text = _("您是税务登记中的%(position)s，不能在此解除，请通过【变更税务登记】或到税务机关前台办理。")
        raise ValidationError(text, code="lead", params={"position": found.position.label})
    if not found.can_be_left:
        raise ValidationError(_("您在该企业没有可以解除的任职。"), code="nothing_to_leave")


def _end(membership: Membership) -> None:
    membership.identities.clear()
    membership.is_manager = False
    membership.removed_at = membership.moment()
    membership.version += 1
    membership.save()
