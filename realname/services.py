"""Acts on what the bureau's records say."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.actor import Actor
from accounts.audit import Kind
from realname.models import Post


def link(post: Post, *, by: Actor) -> None:
    """关联: the person confirms that he works for this taxpayer, as the register says (M15, D18).

    Raises ValidationError `already_linked` or `post_ended`; PermissionDenied for anybody but the person himself.
    """
    if by.person is None or post.person_id != by.person.pk:
        raise PermissionDenied
    with transaction.atomic():
        locked = Post.objects.select_for_update(no_key=True).get(pk=post.pk)
        if locked.linked_at is not None:
            raise ValidationError(_("您已确认过与该企业的关联。"), code="already_linked")
        if not Post.objects.open().filter(pk=locked.pk).exists():
            raise ValidationError(_("该任职已经结束。"), code="post_ended")
        locked.linked_at = timezone.now()
        locked.save(update_fields=["linked_at"])
        audit.record(Kind.POST_LINKED, by=by, taxpayer=locked.taxpayer, target=by.person)
