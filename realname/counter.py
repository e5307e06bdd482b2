"""实名采集 and 关联 at the counter: an officer sees document and face, a code proves the phone (M83, M106, D18)."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, notices, officers
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import Person, Taxpayer
from accounts.words import for_phones
from realname import collecting
from realname.models import CollectionMethod, Post, RealNameRecord


def require_at(taxpayer: Taxpayer, *, about: Person | None = None, by: Actor) -> Person:
    """An officer of the counter who doesn't work for this taxpayer himself, by the register.

    Raises as `officers.require_counter`, with ValidationError `own_affair` for the officer's own firm as well.
    """
    officer = officers.require_counter(by, about=about)
    if works_at(taxpayer, officer):
        raise officers.own_affair()
    return officer


def works_at(taxpayer: Taxpayer, officer: Person) -> bool:
    """Whether the register names the officer at this taxpayer today."""
    return Post.objects.open().filter(taxpayer=taxpayer, person=officer).exists()


def consent(name: str, *, id_type: str, id_number: str, by: Actor) -> Person:
    """The person at the counter, known by his document from here on, who has signed the consent (FIL-06).

    Raises ValidationError `own_affair` for the officer's own; PermissionDenied for who isn't at the counter.
    """
    officer = officers.require_counter(by)
    with transaction.atomic():
        person = Person.objects.find_or_add(name, id_type=id_type, id_number=id_number)
        if person == officer:
            raise officers.own_affair()
        audit.record(Kind.CONSENT_GIVEN, by=by, target=person, where="counter")
    return person


def collect(person: Person, *, name: str, phone: str, by: Actor) -> RealNameRecord:
    """实名采集 by an officer: `name` stands on the document, `phone` was proven by a code (M83, M17).

    An older collection ends, the phone becomes the real-name phone, and who had the old one is told (OTP-10). Raises
    ValidationError `own_affair` for the officer's own, and for his own phone; PermissionDenied for who isn't at the
    counter.
    """
    officer = officers.require_counter(by, about=person)
    if officers.is_own_phone(officer, phone):
        raise officers.own_affair()
    with transaction.atomic():
        locked = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        before = {"name": locked.masked_name, "phone": locked.masked_phone}
        made = collecting.new_record(locked, phone, CollectionMethod.COUNTER, officer)
        collecting.delete_superseded(made)
        collecting.give(locked, name=name, phone=phone)
        after = {"name": locked.masked_name, "phone": locked.masked_phone}
        audit.record(Kind.REAL_NAME_COLLECTED, by=by, target=locked, was=before, now=after)
        notices.tell(locked, for_phones("您的实名信息已在税务机关前台采集。"))
    return made


def link(post: Post, *, by: Actor) -> None:
    """关联 at the counter: the person stands there and confirms that he works for the taxpayer (M15, D18).

    Raises ValidationError `already_linked`, `post_ended`, `own_affair`; PermissionDenied for who isn't at the counter.
    """
    require_at(post.taxpayer, about=post.person, by=by)
    with transaction.atomic():
        locked = Post.objects.select_for_update(of=("self",), no_key=True).select_related("person", "taxpayer")
        row = locked.get(pk=post.pk)
        if row.linked_at is not None:
            raise ValidationError(_("该人员已与企业关联，无需再次办理。"), code="already_linked")
        if not Post.objects.open().filter(pk=row.pk).exists():
            raise ValidationError(_("该任职已经结束。"), code="post_ended")
        row.linked_at = timezone.now()
        row.save(update_fields=["linked_at"])
        audit.record(Kind.POST_LINKED, by=by, taxpayer=row.taxpayer, target=row.person)
        notices.tell(row.person, for_phones("您与“%(firm)s”的关联已在税务机关前台确认。") % {"firm": row.taxpayer.name})
