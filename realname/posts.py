"""税务登记人员: the counter adds, changes and ends them; whom one names confirms it (M15, M92, M104, D18, D31)."""

from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit, notices, numbers, officers
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Person, Taxpayer
from accounts.refusals import own_refusals_recorded
from accounts.words import for_phones
from realname import counter
from realname.models import LEADS, Position, Post

NOTHING_CHANGED = gettext_lazy("没有需要修改的内容。")


def leads_of(taxpayer: Taxpayer) -> list[Person]:
    """Its legal representative and finance officer by the register."""
    posts = Post.objects.open().filter(taxpayer=taxpayer, position__in=LEADS).select_related("person")
    return list({post.person_id: post.person for post in posts}.values())


def tell_leads(taxpayer: Taxpayer, text: str, *, but: Person | None = None) -> None:
    """Tell each of them by SMS, but who has done it himself."""
    for lead in leads_of(taxpayer):
        if lead != but:
            notices.tell(lead, text)


def link(post: Post, *, by: Actor) -> None:
    """关联: the person confirms that he works for this taxpayer, as the register says (M15, D18).

    Raises ValidationError `already_linked` or `post_ended`; PermissionDenied for anybody but the person himself.
    """
    if by.person is None or post.person_id != by.person.pk:
        raise PermissionDenied
    with own_refusals_recorded(Kind.POST_LINKED, post.taxpayer, by=by), transaction.atomic():
        locked = Post.objects.select_for_update(no_key=True).get(pk=post.pk)
        if locked.linked_at is not None:
            raise ValidationError(_("您已确认过与该企业的关联。"), code="already_linked")
        if not Post.objects.open().filter(pk=locked.pk).exists():
            raise ValidationError(_("该任职已经结束。"), code="post_ended")
        locked.linked_at = timezone.now()
        locked.save(update_fields=["linked_at"])
        audit.record(Kind.POST_LINKED, by=by, taxpayer=locked.taxpayer, target=by.person)


def unlink(person: Person, taxpayer: Taxpayer) -> int:
    """Take back the 关联 of a person's open posts at a taxpayer: he must confirm anew. Returns how many had one.

    Part of another act, which records it.
    """
    return Post.objects.open().filter(person=person, taxpayer=taxpayer, linked_at__isnull=False).update(linked_at=None)


def add(
    taxpayer: Taxpayer,
    *,
    name: str,
    id_type: str,
    id_number: str,
    position: str,
    mobile: str,
    landline: str = "",
    since: date,
    by: Actor,
) -> Post:
    """A new post in the register; the person is known by his document, or made (M104, D34).

    Numbers are folded. Raises ValidationError `name_differs`, `lead_taken`, `post_known`, `since_in_the_future`,
    `mobile_in_landline`, `own_affair`; PermissionDenied for who isn't at the counter.
    """
    officer = counter.require_at(taxpayer, by=by)
    _refuse_mobile_in_landline(mobile, landline)
    if since > timezone.localdate():
        raise ValidationError(_("任职起始日期不能晚于今天。"), code="since_in_the_future")
    with transaction.atomic():
        person = Person.objects.find_or_add(name, id_type=id_type, id_number=id_number)
        if person == officer:
            raise officers.own_affair()
        _refuse_other_name(person, name)
        _refuse_taken(taxpayer, person.pk, position, since)
        new = Post(taxpayer=taxpayer, person=person, position=position, mobile=mobile, landline=landline, since=since)
        _insert(new)
        audit.record(Kind.POST_ADDED, by=by, taxpayer=taxpayer, target=person, position=position)
    return new


def _refuse_other_name(person: Person, name: str) -> None:
    if person.name != name:
        text = _("该证件号码已登记在另一姓名下，请核对证件；姓名确有变化的，请先重新采集实名信息。")
        raise ValidationError(text, code="name_differs")


def _insert(post: Post) -> None:
    try:
        with transaction.atomic():
            post.save(force_insert=True)
    except IntegrityError as error:  # another counter was quicker
        raise _known() from error


def _refuse_taken(taxpayer: Taxpayer, person: int, position: str, since: date) -> None:
    """The register's constraints in words: one LR, one FR, one post of a kind for a person."""
    posts = Post.objects.filter(taxpayer=taxpayer, position=position)
    holder = posts.filter(until__isnull=True).exclude(person=person).select_related("person").first()
    if position in LEADS and holder is not None:
        text = _("该企业已登记%(position)s（%(name)s）。请先终止原任职，再登记新人员。")
        params = {"position": Position(position).label, "name": holder.person.masked_name}
        raise ValidationError(text, code="lead_taken", params=params)
    own = posts.filter(person=person)
    if own.filter(until__isnull=True).exists() or own.filter(since=since).exists():
        raise _known()


def _known() -> ValidationError:
    return ValidationError(_("该人员在本企业的这一职务已经登记，请在其任职中修改。"), code="post_known")


def _refuse_mobile_in_landline(mobile: str, landline: str) -> None:
    if numbers.is_mobile(landline) and not mobile:
        text = _("手机号码应填在【移动电话】项目内，填在【固定电话】项目内无法发送验证码。")
        raise ValidationError(text, code="mobile_in_landline")


def change_phones(post: Post, *, mobile: str = "", landline: str = "", clear_landline: bool = False, by: Actor) -> None:
    """The register's phones of one post; what is empty stays as it was (M17, M91).

    Raises ValidationError `nothing_changed`, `mobile_in_landline`, `post_ended`, `own_affair`; PermissionDenied for who
    isn't at the counter.
    """
    counter.require_at(post.taxpayer, about=post.person, by=by)
    with transaction.atomic():
        locked = _locked_open(post)
        new = (mobile or locked.mobile, "" if clear_landline else landline or locked.landline)
        if new == (locked.mobile, locked.landline):
            raise ValidationError(NOTHING_CHANGED, code="nothing_changed")
        _refuse_mobile_in_landline(*new)
        _set_phones(locked, *new, by=by)


def move_landline(post: Post, *, by: Actor) -> None:
    """A mobile number that sits in 【固定电话】 goes where it belongs, so that codes can be sent (M92).

    Raises ValidationError `not_a_mobile`, `mobile_present`, `post_ended`, `own_affair`; PermissionDenied as
    `change_phones`.
    """
    counter.require_at(post.taxpayer, about=post.person, by=by)
    with transaction.atomic():
        locked = _locked_open(post)
        if not locked.landline_is_mobile:
            raise ValidationError(_("【固定电话】中的号码不是手机号码，无需移动。"), code="not_a_mobile")
        if locked.mobile:
            raise ValidationError(_("【移动电话】中已有号码，请用【修改电话】。"), code="mobile_present")
        _set_phones(locked, numbers.fold(locked.landline), "", by=by)


def end(post: Post, *, until: date, by: Actor) -> None:
    """The post is over on the day `until`: from that day on he acts no more for the taxpayer (D20, D31).

    Raises ValidationError `until_before_since`, `until_in_the_future`, `post_ended`, `own_affair`; PermissionDenied
    as `change_phones`. He is told by SMS.
    """
    counter.require_at(post.taxpayer, about=post.person, by=by)
    with transaction.atomic():
        locked = _locked_open(post)
        if until < locked.since:
            raise ValidationError(_("终止日期不能早于任职起始日期。"), code="until_before_since")
        if until > timezone.localdate():
            raise ValidationError(_("终止日期不能晚于今天。"), code="until_in_the_future")
        locked.until = until
        locked.save(update_fields=["until"])
        details: dict[str, Any] = {"position": locked.position, "until": until.isoformat()}
        audit.record(Kind.POST_ENDED, by=by, taxpayer=locked.taxpayer, target=locked.person, **details)
        text = for_phones("您在“%(firm)s”的税务登记任职（%(position)s）已终止。")
        position = for_phones(Position(locked.position).label)
        notices.tell(locked.person, text % {"firm": locked.taxpayer.name, "position": position})


def _locked_open(post: Post) -> Post:
    rows = Post.objects.select_for_update(of=("self",), no_key=True).select_related("person", "taxpayer")
    locked = rows.get(pk=post.pk)
    if not Post.objects.open().filter(pk=locked.pk).exists():
        raise ValidationError(_("该任职已经结束。"), code="post_ended")
    return locked


def _set_phones(post: Post, mobile: str, landline: str, *, by: Actor) -> None:
    was = {"mobile": numbers.mask_phone(post.mobile), "landline": numbers.mask_phone(post.landline)}
    now = {"mobile": numbers.mask_phone(mobile), "landline": numbers.mask_phone(landline)}
    post.mobile, post.landline = mobile, landline
    post.save(update_fields=["mobile", "landline"])
    audit.record(
        Kind.POST_CHANGED, by=by, taxpayer=post.taxpayer, target=post.person, position=post.position, was=was, now=now
    )
