"""Why somebody has no function to use, and who gives him one: an identity first, then functions in it (M96, D7)."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from accounts.words import Words
from staff import functions
from staff.models import Grant, Identity, Membership

_GIVE_IDENTITY = _("请法定代表人（业主）或财务负责人登录后，在【企业人员维护】中点击您的【权限】，为您勾选权限身份。")
_TICK_FUNCTION = _("请法定代表人（业主）或财务负责人登录后，在【身份维护】中为您的权限身份勾选该功能。")
_TICK_ANY = _(
    "请法定代表人（业主）或财务负责人登录后，在【身份维护】中为您的权限身份勾选功能权限；勾选后您下一次点击即可使用。"
)
_AS_ONESELF = _("您现在以自然人身份登录，该功能须以企业办税人员的身份使用。请点击【切换身份】，切换到您任职的企业。")
NO_IDENTITY = _("您还没有权限身份。")
WITHOUT_IDENTITY = _("%(name)s没有权限身份：登录后没有功能可以用。请在【权限】中勾选权限身份。")
WITHOUT_FUNCTION = _(
    "%(name)s的权限身份没有勾选任何功能：登录后没有功能可以用。请在【身份维护】中勾选功能树，或在【权限】中换一个权限身份。"
)


def has_identity(actor: Actor) -> bool:
    """Whether the actor has been given any identity at the firm for which he acts."""
    held = Membership.identities.through.objects.filter(membership__in=Membership.objects.open())
    return held.filter(membership__taxpayer=actor.taxpayer, membership__person=actor.person).exists()


def why_nothing(actor: Actor) -> Words:
    """What who holds no function at all is told: what he lacks, who gives it, and where (M96)."""
    return _TICK_ANY if has_identity(actor) else f"{NO_IDENTITY}{_GIVE_IDENTITY}"


def way_to_function(actor: Actor) -> Words:
    """What who lacks one function is told (D7): who gives it to him, and where; as himself he has but to switch."""
    if actor.taxpayer is None:
        return _AS_ONESELF
    return _TICK_FUNCTION if has_identity(actor) else f"{NO_IDENTITY}{_GIVE_IDENTITY}"


def warning_of(identities: Iterable[Identity]) -> Words:
    """Why a clerk with these identities has nothing to use, with a place for his name; empty where he has (M96)."""
    given = list(identities)
    if not given:
        return WITHOUT_IDENTITY
    carried = Grant.objects.filter(identity__in=given, function__in=functions.ALL)
    return "" if carried.exists() else WITHOUT_FUNCTION
