"""What an entry of the record says was done, in words: pages, the export and nobody else make them (D28).

The floor of accounts knows what it keeps; functions, and the pages at which somebody was refused, are known here.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.urls import Resolver404, resolve
from django.utils.translation import gettext_lazy as _

from accounts.audit import Kind
from accounts.models import AuditEntry
from accounts.words import Words
from staff import functions

_RECOGNITION = _("代理机构认定管理")
PAGES: dict[str, Words] = {
    "staff:members": _("企业人员维护"),
    "staff:member": _("查看人员"),
    "staff:remove": Kind.MEMBER_REMOVED.label,
    "staff:freeze": Kind.MEMBER_FROZEN.label,
    "staff:unfreeze": Kind.MEMBER_UNFROZEN.label,
    "staff:bind": Kind.MEMBER_BOUND.label,
    "staff:unbind": Kind.MEMBER_UNBOUND.label,
    "staff:reset_password": Kind.PASSWORD_RESET.label,
    "staff:end_sign_ins": Kind.SIGN_IN_ENDED.label,
    "staff:change_rights": Kind.MEMBER_CHANGED.label,
    "staff:show_id_number": _("查看完整证件号码"),
    "staff:show_phone": _("查看完整手机号码"),
    "staff:identities": _("身份维护"),
    "staff:identity": _("身份维护"),
    "staff:review_new_identity": Kind.IDENTITY_ADDED.label,
    "staff:reopen_new_identity": Kind.IDENTITY_ADDED.label,
    "staff:save_new_identity": Kind.IDENTITY_ADDED.label,
    "staff:review_identity": Kind.IDENTITY_CHANGED.label,
    "staff:reopen_identity": Kind.IDENTITY_CHANGED.label,
    "staff:save_identity": Kind.IDENTITY_CHANGED.label,
    "staff:delete_identity": Kind.IDENTITY_DELETED.label,
    "staff:search_candidate": Kind.MEMBER_ADDED.label,
    "staff:add_member": Kind.MEMBER_ADDED.label,
    "staff:synchronise": Kind.SYNCED.label,
    "staff:authorisations": _("用户授权管理"),
    "staff:withdraw_authorisation": _("解除授权"),
    "staff:change_enterprise_password": Kind.ENTERPRISE_PASSWORD_CHANGED.label,
    "agencies:recognitions": _RECOGNITION,
    "agencies:recognition": _RECOGNITION,
    "agencies:find_agency": _RECOGNITION,
    "agencies:synchronise": Kind.AGENCIES_SYNCED.label,
    "agencies:recognise": Kind.ENGAGEMENT_RECOGNISED.label,
    "agencies:review_recognition": Kind.ENGAGEMENT_RECOGNISED.label,
    "agencies:save_recognition": Kind.ENGAGEMENT_RECOGNISED.label,
    "agencies:change": Kind.ENGAGEMENT_CHANGED.label,
    "agencies:review_change": Kind.ENGAGEMENT_CHANGED.label,
    "agencies:save_change": Kind.ENGAGEMENT_CHANGED.label,
    "agencies:cancel": Kind.ENGAGEMENT_CANCELLED.label,
    "agencies:decline": Kind.ENGAGEMENT_DECLINED.label,
    "agencies:engagements": _("委托关系管理"),
    "agencies:engagement": _("委托关系管理"),
    "agencies:propose": Kind.ENGAGEMENT_PROPOSED.label,
    "agencies:withdraw": Kind.ENGAGEMENT_WITHDRAWN.label,
    "agencies:handlers": Kind.HANDLERS_CHANGED.label,
    "agencies:place": Kind.CLIENT_GROUP_CHANGED.label,
    "agencies:groups": Kind.CLIENT_GROUP_CHANGED.label,
    "agencies:delete_group": Kind.CLIENT_GROUP_CHANGED.label,
    "agencies:rename_group": Kind.CLIENT_GROUP_CHANGED.label,
    "agencies:together": _("委托关系管理"),
    "agencies:acted": _("代理办税记录"),
}
"""What one does at each address that only managers, LR and FR may open."""


def lines_of(entry: AuditEntry) -> list[str]:
    """What was done, or refused, in sentences: to whom it was given what, which functions, at which page."""
    told = [*_wanted(entry.details), *entry.details_in_words, *_functions(entry)]
    return [str(line) for line in told]


def _wanted(details: dict[str, Any]) -> Iterator[Words]:
    """Which act was refused, by its kind or by the page at which it was."""
    if details.get("act") in Kind.values:
        yield _("操作：%(act)s") % {"act": Kind(details["act"]).label}
    elif details.get("page"):
        yield _("操作：%(act)s") % {"act": _name_of(details["page"])}


def _name_of(path: str) -> Words:
    """What is done at this address; the address itself where it has no name, or is gone by now."""
    try:
        return PAGES.get(resolve(path).view_name, path)
    except Resolver404:
        return path


def _functions(entry: AuditEntry) -> Iterator[Words]:
    details = entry.details
    if details.get("function"):
        yield _("功能：%(names)s") % {"names": in_words([details["function"]])}
    if "functions" in details:
        yield _("功能：%(names)s") % {"names": in_words(details["functions"])}
    if details.get("gained"):
        yield _("增加的功能：%(names)s") % {"names": in_words(details["gained"])}
    if details.get("lost"):
        yield _("失去的功能：%(names)s") % {"names": in_words(details["lost"])}


def in_words(codes: Iterable[str]) -> Words:
    """The names of these functions in the tree's order, whole branches by theirs; one that left it is its code."""
    given = frozenset(codes)
    if not given:
        return _("没有")
    if given >= functions.ALL:
        return _("全部功能")
    return _("、").join([*map(str, _names(given)), *sorted(given - functions.ALL)])


def _names(given: frozenset[str]) -> Iterator[Words]:
    for branch in functions.TREE:
        leaves = functions.branch_codes(branch.code)
        if leaves <= given:
            yield _("【%(branch)s】的全部功能") % {"branch": branch.name}
        else:
            yield from (str(functions.get(code).name) for code in functions.FUNCTIONS if code in leaves & given)
