"""Every address of the portal for every kind of visitor: a table, and a new address without a row fails."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse
from django.utils import timezone

from accounts import passwords
from accounts.models import AuditEntry, SignIn, Throttle
from accounts.models.record import Kind
from realname.models import Photo, Post
from staff import functions
from staff.models import Identity, Membership
from tests import cast
from tests.agencies.acting import agency_password, choose, engagement, enter
from tests.agencies.acting import sign_in as sign_in_at_agency
from tests.etax.officers import REVIEWER
from tests.etax.officers import sign_in as sign_in_as_officer
from tests.etax.tables import rows
from tests.realname.keeping import keep_photo
from tests.visitor import Visitor, words

ROLES = (
    "anonymous",
    "half",  # the first factor of 普通登录 given
    "half_quick",  # that of 快捷登录
    "half_agency",  # that of 代理机构登录
    "reset",  # in the 111111 state
    "no_functions",
    "clerk",
    "manager",  # a clerk with 管理权限
    "weak_lead",  # the legal representative, signed in by password alone (D15)
    "finance",
    "legal_rep",
    "person",  # somebody signed in as himself, for no taxpayer
    "handler",  # somebody of an agency, acting for this firm
    "agency_handler",  # the same, who has chosen no client yet
    "agency_lead",  # the agency's legal representative, by the same door
    "officer",  # of the counter, by the officers' door
    "reviewer",  # who decides what others asked for, by that door as well
)
LEAF = "tax.invoice.issue"
BY_SECRET = (
    "redeem_ticket",
    "staff:declaration_api",
    "oauth2_provider:token",
    "oauth2_provider:user-info",
    "stand_in_logout",
)
"""What other systems ask, which prove themselves by a secret and send no token of a form."""
REFUSED = (400, 401)
"""How they are told that the secret is missing, or what it should come with."""
GET, POST = "GET", "POST"

# What an answer is called in the table: a status, or for a redirect where it leads.
LOGIN, QUICK, HOME = "→login", "→staff:quick_login", "→home"
AGENCY, HANDLER, CLIENTS = "→agencies:agency_login", "→agencies:agency_person", "→agencies:clients"
RECOGNITIONS = "→agencies:recognitions"
ENGAGEMENT, ENGAGEMENTS = "→agencies:engagement", "→agencies:engagements"
PERSON, QUICK_PERSON = "→staff:choose_person", "→staff:quick_person"
CHANGE, STEP_UP, SEARCH = "→staff:change_password", "→staff:step_up", "→staff:search_candidate"
REGISTER, PHONE, SIGN_INS = "→staff:register", "→staff:change_phone", "→accounts:sign_ins"
COLLECT, MINE = "→realname:collect", "→realname:mine"
BY_SMS, FIRM, ACCOUNT = "→staff:natural_sms", "→staff:forgotten_enterprise", "→staff:forgotten_person"
DOOR, OFFICE = "→bureau:login", "→bureau:index"
MEMBERS, AUTHORISATIONS = "→staff:members", "→staff:authorisations"


VISITORS = ("anonymous", "half", "half_quick", "half_agency")


def everybody(answer: str) -> dict[str, str]:
    """One answer for everybody."""
    return dict.fromkeys(ROLES, answer)


def signed_in(answer: str, **others: str) -> dict[str, str]:
    """One answer for whoever is wholly signed in; visitors must sign in, and the 111111 state must be ended first.

    What isn't marked as open while acting is closed to a handler, whatever else he asks for.
    """
    # An officer's sign-in opens his office alone; outside it they are all alike.
    visitors = dict.fromkeys(VISITORS, LOGIN)
    row = everybody(answer) | visitors | {"reset": CHANGE, "handler": "403", "officer": OFFICE} | others
    return row | {"reviewer": row["officer"]}


def acting_too(answer: str, **others: str) -> dict[str, str]:
    """As `signed_in`, and open to a handler who acts for the firm."""
    return signed_in(answer, **{"handler": answer, **others})


def agencies(answer: str) -> dict[str, str]:
    """For who is signed in for an agency, acting for a client or not."""
    return signed_in("403", handler=answer, agency_handler=answer, agency_lead=answer)


def agency_managers(answer: str) -> dict[str, str]:
    """For an agency's LR and FR, and whom they gave 管理权限 (D8); not while acting."""
    return signed_in("403", agency_lead=answer)


def of_this_firm(row: dict[str, str]) -> dict[str, str]:
    """The address names what is this firm's: for a lead of another there is none (AUZ-02)."""
    return row | {"agency_lead": "404"}


def managers(answer: str) -> dict[str, str]:
    """For LR, FR and whom they gave 管理权限 (D8), after a fresh code where the sign-in was weak (D15)."""
    return signed_in(answer, no_functions="403", clerk="403", person="403", weak_lead=STEP_UP, agency_handler="403")


def leads(answer: str) -> dict[str, str]:
    """For LR and FR alone (M59, M82)."""
    return managers(answer) | {"manager": "403"}


def officers(answer: str, reviewers: str) -> dict[str, str]:
    """A page of the back office: visitors are led to its door, and to everybody else there is none (CFG-05)."""
    visitors = dict.fromkeys(VISITORS, DOOR)
    return everybody("404") | visitors | {"officer": answer, "reviewer": reviewers}


def holders(answer: str) -> dict[str, str]:
    """For whoever holds the function, however he signed in."""
    return signed_in(answer, no_functions="403", person="403")


def proven_holders(answer: str) -> dict[str, str]:
    """For whoever holds the function, after a fresh code where the sign-in was weak (D15)."""
    return holders(answer) | {"clerk": STEP_UP, "weak_lead": STEP_UP, "agency_handler": STEP_UP}


def own_leads(answer: str) -> dict[str, str]:
    """For LR and FR by the register, whatever they are signed in as (M113, M115); to who has no post there is none."""
    row = signed_in(answer, no_functions="403", clerk="403", manager="403", person="403", agency_handler="404")
    return of_this_firm(row)


def in_flow(answer: str) -> dict[str, str]:
    """A step of 普通登录: only who has given its first factor gets the answer, the others begin anew."""
    return no_way_in(LOGIN) | {"half": answer}


def in_quick_flow(answer: str) -> dict[str, str]:
    """A step of 快捷登录."""
    return no_way_in(QUICK) | {"half_quick": answer}


def in_agency_flow(answer: str) -> dict[str, str]:
    """A step of 代理机构登录."""
    return no_way_in(AGENCY) | {"half_agency": answer}


def no_way_in(begin: str) -> dict[str, str]:
    """A later step of a way in: it begins anew for whoever isn't in yet; who is needs none, and is led home."""
    return everybody(HOME) | dict.fromkeys(VISITORS, begin)


def no_passage(begin: str) -> dict[str, str]:
    """A later step of a way in on which nobody here has set out: it begins anew."""
    return everybody(begin)


# Whoever signed in by password, the weaker way, needs a fresh code; the manager, FR and every LR came by SMS (D15).
WEAK = dict.fromkeys(("no_functions", "clerk", "weak_lead", "person", "agency_handler"), STEP_UP)
# They were sent a code within the last sixty seconds.
JUST_SENT = dict.fromkeys(("manager", "finance", "legal_rep", "agency_lead"), "400")

TABLE: dict[tuple[str, str], dict[str, str]] = {
    ("home", GET): acting_too("200"),
    ("home", POST): acting_too("405"),
    ("login", GET): everybody("200"),
    ("login", POST): everybody("400"),
    ("agreement", GET): everybody("200"),
    ("agreement", POST): everybody("405"),
    ("choose_display", GET): everybody("405"),
    ("choose_display", POST): everybody("400"),
    ("sign_out", GET): everybody("405"),
    ("sign_out", POST): everybody(LOGIN) | {"officer": DOOR, "reviewer": DOOR},
    ("redeem_ticket", GET): everybody("405"),
    ("redeem_ticket", POST): everybody("401"),
    ("accounts:picture", GET): everybody("200"),
    ("accounts:picture", POST): everybody("405"),
    ("accounts:sound", GET): everybody("200"),
    ("accounts:sound", POST): everybody("405"),
    ("accounts:new_picture", GET): everybody("200"),
    ("accounts:new_picture", POST): everybody("405"),
    ("accounts:sign_ins", GET): acting_too("200", officer="200"),
    ("accounts:sign_ins", POST): acting_too("405", officer="405"),
    ("accounts:acknowledge", GET): acting_too("405", officer="405"),
    ("accounts:acknowledge", POST): acting_too(HOME, officer=HOME),
    ("accounts:end_other_sign_ins", GET): acting_too("405", officer="405"),
    ("accounts:end_other_sign_ins", POST): acting_too(SIGN_INS, officer=SIGN_INS),
    ("accounts:end_sign_in", GET): acting_too("405", officer="405"),
    ("accounts:end_sign_in", POST): acting_too("404", officer="404"),  # nobody's own: its number is no sign-in's
    ("staff:quick_login", GET): everybody("200"),
    ("staff:quick_login", POST): everybody("400"),
    ("staff:quick_person", GET): in_quick_flow("200"),
    ("staff:quick_person", POST): in_quick_flow("400"),
    ("staff:quick_code", GET): in_quick_flow(QUICK_PERSON),
    ("staff:quick_code", POST): in_quick_flow(QUICK_PERSON),
    ("staff:send_quick_code", GET): in_quick_flow(QUICK_PERSON),
    ("staff:send_quick_code", POST): in_quick_flow(QUICK_PERSON),
    ("staff:natural_login", GET): everybody("200"),
    ("staff:natural_login", POST): everybody("400"),
    ("staff:natural_sms", GET): everybody("200"),
    ("staff:natural_sms", POST): everybody("400"),
    ("staff:natural_sms_code", GET): no_way_in(BY_SMS),
    ("staff:natural_sms_code", POST): no_way_in(BY_SMS),
    ("staff:natural_sms_send", GET): no_way_in(BY_SMS),
    ("staff:natural_sms_send", POST): no_way_in(BY_SMS),
    ("staff:register", GET): everybody("200"),
    ("staff:register", POST): everybody("400"),
    ("staff:register_code", GET): no_passage(REGISTER),
    ("staff:register_code", POST): no_passage(REGISTER),
    ("staff:register_send", GET): no_passage(REGISTER),
    ("staff:register_send", POST): no_passage(REGISTER),
    ("staff:register_account", GET): no_passage(REGISTER),
    ("staff:register_account", POST): no_passage(REGISTER),
    ("staff:forgotten", GET): everybody("200"),
    ("staff:forgotten", POST): everybody("405"),
    ("staff:forgotten_enterprise", GET): everybody("200"),
    ("staff:forgotten_enterprise", POST): everybody("400"),
    ("staff:forgotten_enterprise_code", GET): no_passage(FIRM),
    ("staff:forgotten_enterprise_code", POST): no_passage(FIRM),
    ("staff:forgotten_enterprise_send", GET): no_passage(FIRM),
    ("staff:forgotten_enterprise_send", POST): no_passage(FIRM),
    ("staff:forgotten_enterprise_password", GET): no_passage(FIRM),
    ("staff:forgotten_enterprise_password", POST): no_passage(FIRM),
    ("staff:forgotten_person", GET): everybody("200"),
    ("staff:forgotten_person", POST): everybody("400"),
    ("staff:forgotten_person_code", GET): no_passage(ACCOUNT),
    ("staff:forgotten_person_code", POST): no_passage(ACCOUNT),
    ("staff:forgotten_person_send", GET): no_passage(ACCOUNT),
    ("staff:forgotten_person_send", POST): no_passage(ACCOUNT),
    ("staff:forgotten_person_password", GET): no_passage(ACCOUNT),
    ("staff:forgotten_person_password", POST): no_passage(ACCOUNT),
    ("staff:centre", GET): signed_in("200"),
    ("staff:centre", POST): signed_in("405"),
    ("staff:profile", GET): signed_in("200"),
    ("staff:profile", POST): signed_in("405"),
    ("staff:show_own_id_number", GET): signed_in("405"),
    ("staff:show_own_id_number", POST): signed_in("200", **WEAK),
    ("staff:show_own_phone", GET): signed_in("405"),
    ("staff:show_own_phone", POST): signed_in("200", **WEAK),
    ("staff:change_phone", GET): signed_in("200", **WEAK),
    ("staff:change_phone", POST): signed_in("400", **WEAK),
    ("staff:confirm_new_phone", GET): signed_in(PHONE),
    ("staff:confirm_new_phone", POST): signed_in(PHONE),
    ("staff:confirm_old_phone", GET): signed_in(PHONE),
    ("staff:confirm_old_phone", POST): signed_in(PHONE),
    ("staff:send_phone_code", GET): signed_in(PHONE),
    ("staff:send_phone_code", POST): signed_in(PHONE),
    ("staff:my_record", GET): signed_in("200"),
    ("staff:my_record", POST): signed_in("405"),
    ("realname:collect", GET): everybody("200"),
    ("realname:collect", POST): everybody("405"),
    ("realname:new", GET): everybody("200"),
    ("realname:new", POST): everybody("400"),
    ("realname:supplement", GET): everybody("200"),
    ("realname:supplement", POST): everybody("400"),
    ("realname:change", GET): everybody("200"),
    ("realname:change", POST): everybody("400"),
    ("realname:collect_code", GET): no_passage(COLLECT),
    ("realname:collect_code", POST): no_passage(COLLECT),
    ("realname:collect_send", GET): no_passage(COLLECT),
    ("realname:collect_send", POST): no_passage(COLLECT),
    ("realname:consent", GET): no_passage(COLLECT),
    ("realname:consent", POST): no_passage(COLLECT),
    ("realname:card_front", GET): no_passage(COLLECT),
    ("realname:card_front", POST): no_passage(COLLECT),
    ("realname:card_back", GET): no_passage(COLLECT),
    ("realname:card_back", POST): no_passage(COLLECT),
    ("realname:details", GET): no_passage(COLLECT),
    ("realname:details", POST): no_passage(COLLECT),
    ("realname:face", GET): no_passage(COLLECT),
    ("realname:face", POST): no_passage(COLLECT),
    ("realname:result", GET): no_passage(COLLECT),
    ("realname:result", POST): everybody("405"),
    ("realname:withdraw_collection", GET): no_passage(COLLECT),
    ("realname:withdraw_collection", POST): no_passage(COLLECT),
    ("realname:mine", GET): signed_in("200"),
    ("realname:mine", POST): signed_in("405"),
    ("realname:photo", GET): signed_in("200", officer="200"),  # his own
    ("realname:photo", POST): signed_in("405", officer="405"),
    ("realname:withdraw_consent", GET): signed_in("200"),
    ("realname:withdraw_consent", POST): signed_in(MINE),  # after the photo, whose file no rollback brings back
    ("staff:my_posts", GET): signed_in("200"),
    ("staff:my_posts", POST): signed_in("405"),
    ("staff:link_post", GET): signed_in("405"),
    ("staff:link_post", POST): signed_in("404"),  # somebody else's
    ("staff:bind_own", GET): signed_in("405"),
    ("staff:bind_own", POST): signed_in("404", **WEAK),  # somebody else's
    ("staff:unbind_own", GET): signed_in("405"),
    ("staff:unbind_own", POST): signed_in("404", **WEAK),
    ("staff:leave_post", GET): signed_in("404", **WEAK),  # a taxpayer that isn't there
    ("staff:leave_post", POST): signed_in("404", **WEAK),
    ("staff:report_misuse", GET): signed_in("404", **WEAK),
    ("staff:report_misuse", POST): signed_in("404", **WEAK),
    ("staff:capacity", GET): signed_in("200"),
    ("staff:capacity", POST): signed_in("405"),
    ("staff:switch", GET): signed_in("404"),
    ("staff:switch", POST): signed_in("404"),
    ("staff:send_switch_code", GET): signed_in("405"),
    ("staff:send_switch_code", POST): signed_in("404"),
    ("staff:choose_person", GET): in_flow("200"),
    ("staff:choose_person", POST): in_flow("400"),
    ("staff:verify_by_sms", GET): in_flow(PERSON),
    ("staff:verify_by_sms", POST): in_flow(PERSON),
    ("staff:send_code", GET): in_flow(PERSON),
    ("staff:send_code", POST): in_flow(PERSON),
    ("staff:verify_by_password", GET): in_flow(PERSON),
    ("staff:verify_by_password", POST): in_flow(PERSON),
    ("staff:set_password", GET): in_flow(PERSON),
    ("staff:set_password", POST): in_flow(PERSON),
    ("staff:change_password", GET): signed_in("200", **WEAK, reset=STEP_UP),
    ("staff:change_password", POST): signed_in("400", **WEAK, reset=STEP_UP),
    ("staff:set_password_anew", GET): signed_in("200", **WEAK),
    ("staff:set_password_anew", POST): signed_in("400", **WEAK),
    ("staff:step_up", GET): signed_in("200", reset="200"),
    ("staff:step_up", POST): signed_in("400", reset="400"),
    ("staff:send_step_up_code", GET): signed_in("405", reset="405"),
    ("staff:send_step_up_code", POST): signed_in("200", reset="200", **JUST_SENT),
    ("staff:members", GET): managers("200"),
    ("staff:members", POST): signed_in("405"),
    ("staff:member", GET): of_this_firm(managers("200")),
    ("staff:member", POST): signed_in("405"),
    ("staff:remove", GET): of_this_firm(leads("200")),
    ("staff:remove", POST): of_this_firm(leads("400")),
    ("staff:freeze", GET): of_this_firm(leads("200")),
    ("staff:freeze", POST): of_this_firm(leads("400")),
    ("staff:unfreeze", GET): of_this_firm(leads("200")),
    ("staff:unfreeze", POST): of_this_firm(leads("400")),
    ("staff:bind", GET): of_this_firm(leads("200")),
    ("staff:bind", POST): of_this_firm(leads("400")),
    ("staff:unbind", GET): of_this_firm(leads("200")),
    ("staff:unbind", POST): of_this_firm(leads("400")),
    ("staff:reset_password", GET): of_this_firm(leads("200")),
    ("staff:reset_password", POST): of_this_firm(leads("400")),
    ("staff:change_rights", GET): of_this_firm(leads("200")),
    ("staff:change_rights", POST): of_this_firm(leads("400")),
    ("staff:end_sign_ins", GET): of_this_firm(leads("200")),
    ("staff:end_sign_ins", POST): of_this_firm(leads("400")),
    ("staff:show_id_number", GET): signed_in("405"),
    ("staff:show_id_number", POST): of_this_firm(leads("200")),
    ("staff:show_phone", GET): signed_in("405"),
    ("staff:show_phone", POST): of_this_firm(leads("200")),
    ("staff:identities", GET): managers("200"),
    ("staff:identities", POST): signed_in("405"),
    ("staff:review_new_identity", GET): signed_in("405"),
    ("staff:review_new_identity", POST): managers("400"),
    ("staff:save_new_identity", GET): signed_in("405"),
    ("staff:save_new_identity", POST): managers("400"),
    ("staff:reopen_new_identity", GET): signed_in("405"),
    ("staff:reopen_new_identity", POST): managers("200"),
    ("staff:reopen_identity", GET): signed_in("405"),
    ("staff:reopen_identity", POST): of_this_firm(managers("200")),
    ("staff:identity", GET): of_this_firm(managers("200")),
    ("staff:identity", POST): signed_in("405"),
    ("staff:review_identity", GET): signed_in("405"),
    ("staff:review_identity", POST): of_this_firm(managers("400")),
    ("staff:save_identity", GET): signed_in("405"),
    ("staff:save_identity", POST): of_this_firm(managers("400")),
    ("staff:delete_identity", GET): of_this_firm(managers("200")),
    ("staff:delete_identity", POST): of_this_firm(managers("400")),
    ("staff:search_candidate", GET): managers("200"),
    ("staff:search_candidate", POST): managers("400"),
    ("staff:add_member", GET): managers(SEARCH),  # the address holds a token that stands for nobody
    ("staff:add_member", POST): managers(SEARCH),
    ("staff:synchronise", GET): leads("200"),
    ("staff:synchronise", POST): leads("409"),  # no word of the preview
    ("staff:authorisations", GET): leads("200"),
    ("staff:authorisations", POST): signed_in("405"),
    ("staff:withdraw_authorisation", GET): signed_in("405"),
    ("staff:withdraw_authorisation", POST): leads(AUTHORISATIONS),
    ("staff:change_enterprise_password", GET): leads("200"),
    ("staff:change_enterprise_password", POST): leads("400"),
    ("staff:changes", GET): holders("200"),
    ("staff:changes", POST): acting_too("405"),
    ("staff:change_finance", GET): proven_holders("200"),
    ("staff:change_finance", POST): proven_holders("400"),
    ("staff:drop_unchanged_rows", GET): acting_too("405"),
    ("staff:drop_unchanged_rows", POST): proven_holders("200"),
    ("staff:register_posts", GET): holders("200"),
    ("staff:register_posts", POST): acting_too("405"),
    ("staff:add_clerk", GET): proven_holders("200"),
    ("staff:add_clerk", POST): proven_holders("400"),
    ("staff:end_clerk", GET): of_this_firm(proven_holders("200")),
    ("staff:end_clerk", POST): of_this_firm(proven_holders("→/the request/")),
    ("staff:change_phones", GET): of_this_firm(proven_holders("200")),
    ("staff:change_phones", POST): of_this_firm(proven_holders("400")),
    ("staff:change", GET): holders("404"),  # no request has the number that the address holds
    ("staff:change", POST): acting_too("405"),
    ("staff:withdraw_change", GET): acting_too("405"),
    ("staff:withdraw_change", POST): proven_holders("404"),
    ("staff:change_scan", GET): proven_holders("404"),
    ("staff:change_scan", POST): acting_too("405"),
    ("staff:declaration", GET): holders("200"),
    ("staff:declaration", POST): holders("400"),
    ("staff:declaration_code", GET): holders("200"),
    ("staff:declaration_code", POST): holders("400"),
    ("staff:send_declaration_code", GET): acting_too("405"),
    ("staff:send_declaration_code", POST): holders("→staff:declaration_code") | JUST_SENT,
    ("staff:declaration_firms", GET): signed_in("200"),
    ("staff:declaration_firms", POST): signed_in("405"),
    ("staff:declaration_people", GET): own_leads("200"),
    ("staff:declaration_people", POST): signed_in("405"),
    ("staff:reset_declaration_password", GET): own_leads("200"),
    ("staff:reset_declaration_password", POST): own_leads("400"),
    ("staff:send_reset_code", GET): signed_in("405"),
    ("staff:send_reset_code", POST): own_leads("200") | {"finance": "400", "legal_rep": "400"},
    ("staff:declaration_api", GET): everybody("405"),
    ("staff:declaration_api", POST): everybody("401"),
    ("help", GET): everybody("200"),
    ("help", POST): everybody("405"),
    ("help_page", GET): everybody("200"),
    ("help_page", POST): everybody("405"),
    ("staff:operations", GET): acting_too("200", no_functions="403", person="403"),
    ("staff:operations", POST): acting_too("405"),
    ("staff:export_operations", GET): acting_too("405"),
    ("staff:export_operations", POST): acting_too("200", no_functions="403", person="403"),
    ("staff:function", GET): acting_too("200", no_functions="403", person="403"),
    ("staff:function", POST): acting_too("405"),
    ("agencies:agency_login", GET): everybody("200"),
    ("agencies:agency_login", POST): everybody("400"),
    ("agencies:agency_person", GET): in_agency_flow("200"),
    ("agencies:agency_person", POST): in_agency_flow("400"),
    ("agencies:agency_sms", GET): in_agency_flow(HANDLER),
    ("agencies:agency_sms", POST): in_agency_flow(HANDLER),
    ("agencies:agency_send_code", GET): in_agency_flow(HANDLER),
    ("agencies:agency_send_code", POST): in_agency_flow(HANDLER),
    ("agencies:agency_password", GET): in_agency_flow(HANDLER),
    ("agencies:agency_password", POST): in_agency_flow(HANDLER),
    ("agencies:agency_new_password", GET): in_agency_flow(HANDLER),
    ("agencies:agency_new_password", POST): in_agency_flow(HANDLER),
    ("agencies:clients", GET): agencies("200"),
    ("agencies:clients", POST): acting_too("405"),
    ("agencies:enter", GET): acting_too("405"),
    ("agencies:enter", POST): agencies(HOME) | {"agency_lead": CLIENTS},  # nobody named him as its handler
    ("agencies:leave", GET): acting_too("405"),
    ("agencies:leave", POST): agencies(CLIENTS),
    ("agencies:recognitions", GET): leads("200"),
    ("agencies:recognitions", POST): signed_in("405"),
    ("agencies:synchronise", GET): signed_in("405"),
    ("agencies:synchronise", POST): leads(RECOGNITIONS),
    ("agencies:find_agency", GET): leads("200"),
    ("agencies:find_agency", POST): signed_in("405"),
    ("agencies:recognition", GET): of_this_firm(leads("200")),
    ("agencies:recognition", POST): signed_in("405"),
    ("agencies:cancel", GET): of_this_firm(leads("200")),
    ("agencies:cancel", POST): of_this_firm(leads("400")),
    ("agencies:decline", GET): of_this_firm(leads("200")),
    ("agencies:decline", POST): of_this_firm(leads("400")),
    ("agencies:change", GET): of_this_firm(leads("200")),
    ("agencies:change", POST): signed_in("405"),
    ("agencies:review_change", GET): signed_in("405"),
    ("agencies:review_change", POST): of_this_firm(leads("400")),
    ("agencies:save_change", GET): signed_in("405"),
    ("agencies:save_change", POST): of_this_firm(leads("400")),
    ("agencies:recognise", GET): leads("200"),
    ("agencies:recognise", POST): signed_in("405"),
    ("agencies:review_recognition", GET): signed_in("405"),
    ("agencies:review_recognition", POST): leads("400"),
    ("agencies:save_recognition", GET): signed_in("405"),
    ("agencies:save_recognition", POST): leads("400"),
    # The agency's own pages; who of it opens them is asked in tests/agencies/test_rights.py as well.
    ("agencies:engagements", GET): agency_managers("200"),
    ("agencies:engagements", POST): signed_in("405"),
    ("agencies:propose", GET): agency_managers("200"),
    ("agencies:propose", POST): agency_managers("400"),
    ("agencies:engagement", GET): agency_managers("200"),
    ("agencies:engagement", POST): signed_in("405"),
    ("agencies:withdraw", GET): agency_managers(ENGAGEMENT),  # recognised already
    ("agencies:withdraw", POST): agency_managers(ENGAGEMENT),
    ("agencies:handlers", GET): agency_managers("200"),
    ("agencies:handlers", POST): agency_managers("400"),
    ("agencies:place", GET): signed_in("405"),
    ("agencies:place", POST): agency_managers("400"),
    ("agencies:groups", GET): agency_managers("200"),
    ("agencies:groups", POST): agency_managers("400"),
    ("agencies:together", GET): agency_managers(ENGAGEMENTS),  # none is ticked
    ("agencies:together", POST): agency_managers(ENGAGEMENTS),
    ("agencies:rename_group", GET): agency_managers("404"),  # a number that is no group's
    ("agencies:rename_group", POST): agency_managers("404"),
    ("agencies:delete_group", GET): agency_managers("404"),
    ("agencies:delete_group", POST): agency_managers("404"),
    ("agencies:acted", GET): agency_managers("200"),
    ("agencies:acted", POST): signed_in("405"),
    ("simulated_phone", GET): everybody("200"),
    ("simulated_phone", POST): everybody("405"),
    ("social_insurance_stand_in", GET): everybody("400"),  # without a ticket
    ("social_insurance_stand_in", POST): everybody("405"),
    ("oauth2_provider:authorize", GET): acting_too("400"),  # without a system that asks
    ("oauth2_provider:authorize", POST): acting_too("405"),
    ("oauth2_provider:token", GET): everybody("405"),
    ("oauth2_provider:token", POST): everybody("400"),
    ("oauth2_provider:user-info", GET): everybody("401"),
    ("oauth2_provider:user-info", POST): everybody("401"),
    ("oauth2_provider:oidc-connect-discovery-info", GET): everybody("200"),
    ("oauth2_provider:oidc-connect-discovery-info", POST): everybody("405"),
    ("oauth2_provider:oauth-server-metadata", GET): everybody("200"),
    ("oauth2_provider:oauth-server-metadata", POST): everybody("405"),
    ("oauth2_provider:jwks-info", GET): everybody("200"),
    ("oauth2_provider:jwks-info", POST): everybody("405"),
    ("stand_in", GET): everybody("→oauth2_provider:authorize"),
    ("stand_in", POST): everybody("405"),
    ("stand_in_callback", GET): everybody("400"),  # nobody asked for it
    ("stand_in_callback", POST): everybody("405"),
    ("stand_in_inside", GET): everybody("401"),
    ("stand_in_inside", POST): everybody("405"),
    ("stand_in_logout", GET): everybody("405"),
    ("stand_in_logout", POST): everybody("400"),
}


# The back office: what the counter's officer gets when he looks, and when he sends a form with nothing in it.
BUREAU: dict[str, tuple[str, str]] = {
    "index": ("200", "405"),
    "find_taxpayer": ("405", "400"),
    "find_person": ("405", "400"),
    "open_new_account": ("200", "400"),
    "taxpayer": ("200", "405"),
    "open_account": ("200", "400"),
    "close_account": ("200", "400"),
    "reset_password": ("200", "400"),
    "renew_declaration": ("200", "400"),
    "unlock_taxpayer": ("200", "400"),
    "taxpayer_record": ("200", "405"),
    "add_post": ("200", "400"),
    "link": ("200", "400"),
    "change_phones": ("200", "400"),
    "move_landline": ("200", "400"),
    "end_post": ("200", "400"),
    "person": ("200", "405"),
    "show": ("405", "200"),
    "unlock_person": ("200", "400"),
    "person_record": ("200", "405"),
    "reviews": ("403", "405"),  # he decides nothing
    "collection": ("403", "405"),
    "show_collection": ("405", "403"),
    "approve_collection": ("403", "403"),
    "return_collection": ("403", "403"),
    "waiting_changes": ("403", "405"),
    "change": ("403", "405"),
    "show_change": ("405", "403"),
    "approve_change": ("403", "403"),
    "return_change": ("403", "403"),
    "scan": ("403", "405"),
    "waiting_misuse": ("403", "405"),
    "decide_misuse": ("403", "403"),
    "collect": ("200", "400"),
    "collect_code": ("→bureau:collect", "→bureau:collect"),
    "send_collect_code": ("405", "→bureau:collect"),
    "accounts_taxpayer_changelist": ("200", "405"),
    "accounts_person_changelist": ("200", "405"),
    "accounts_auditentry_changelist": ("200", "405"),
    "realname_post_changelist": ("200", "405"),
    "realname_realnamerecord_changelist": ("200", "405"),
}
# What the reviewer gets where that is something else.
BY_REVIEWER: dict[str, tuple[str, str]] = {
    "open_new_account": ("403", "403"),
    "open_account": ("403", "403"),
    "close_account": ("403", "403"),
    "reset_password": ("403", "403"),
    "renew_declaration": ("403", "403"),
    "unlock_taxpayer": ("403", "403"),
    "add_post": ("403", "403"),
    "link": ("403", "403"),
    "change_phones": ("403", "403"),
    "move_landline": ("403", "403"),
    "end_post": ("403", "403"),
    "unlock_person": ("403", "403"),
    "reviews": ("200", "405"),
    "collection": ("404", "405"),  # a number that is no request's
    "show_collection": ("405", "404"),
    "approve_collection": ("404", "404"),
    "return_collection": ("404", "404"),
    "waiting_changes": ("200", "405"),
    "change": ("404", "405"),
    "show_change": ("405", "404"),
    "approve_change": ("404", "404"),
    "return_change": ("404", "404"),
    "scan": ("404", "405"),
    "waiting_misuse": ("200", "405"),
    "decide_misuse": ("404", "404"),
    "collect": ("403", "403"),
    "collect_code": ("403", "403"),
    "send_collect_code": ("405", "403"),
}
TABLE |= {
    (f"bureau:{name}", method): officers(counters, reviewers)
    for name, own in BUREAU.items()
    for method, counters, reviewers in zip((GET, POST), own, BY_REVIEWER.get(name, own), strict=True)
}
TABLE |= {
    ("bureau:login", GET): everybody("200"),
    ("bureau:login", POST): everybody("400"),
    ("bureau:code", GET): no_passage(DOOR),
    ("bureau:code", POST): no_passage(DOOR),
    ("bureau:send_code", GET): no_passage(DOOR),
    ("bureau:send_code", POST): no_passage(DOOR),
}


def leaves_of(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every pattern of the resolver under its full name."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from leaves_of(entry, inner)
        else:
            yield f"{namespace}{entry.name}", entry


NAMES = sorted(name for name, _pattern in leaves_of(get_resolver()))


def address(name: str, client: Client) -> str:
    """An example of this address that answers for this visitor."""
    pattern = dict(leaves_of(get_resolver()))[name]
    wanted = set(pattern.pattern.converters)
    given: dict[str, object] = {
        "code": LEAF,
        "form": "ordinary-login",
        "slug": "staff",
        "uid": Photo.objects.kept().values_list("uid", flat=True).first() or uuid4(),  # of who is signed in
        "token": "no-token",
        "name": "declaration",
    }
    given["pk"] = Post.objects.get(person=cast.person("何晨曦"), taxpayer=cast.taxpayer("HC")).pk
    if name in ("accounts:picture", "accounts:sound"):
        given["token"] = client.get(reverse("accounts:new_picture", args=["ordinary-login"])).json()["token"]
    elif "identity" in name:
        given["uid"] = Identity.objects.get(taxpayer=cast.taxpayer("HC"), name="查询员").uid
    elif name in ("agencies:recognise", "agencies:review_recognition", "agencies:save_recognition"):
        given["uid"] = cast.taxpayer("HX").uid
    elif name.startswith("agencies:"):
        given["uid"] = engagement("HC", "HX" if name == "agencies:decline" else "XD").uid
    elif name.startswith("bureau:"):
        of_person = name in ("bureau:person", "bureau:show", "bureau:unlock_person", "bureau:person_record")
        given["uid"] = cast.person("何晨曦").uid if of_person else cast.taxpayer("HC").uid
    elif "declaration" in name or name == "staff:send_reset_code":
        given["uid"] = cast.taxpayer("HC").uid
    elif name.startswith("staff:"):
        given["uid"] = cast.membership("HC", "何晨曦").uid
    return reverse(name, kwargs={key: given[key] for key in wanted})


PLACES = {reverse(name): name for name, entry in leaves_of(get_resolver()) if not entry.pattern.converters}


MADE = re.compile(r"/staff/changes/[0-9a-f-]{36}/")


def called(response) -> str:
    """What the table calls this answer."""
    if response.status_code != 302:
        return str(response.status_code)
    if MADE.fullmatch(response.url):
        return "→/the request/"
    path = response.url.partition("?")[0]
    return f"→{PLACES.get(path) or resolve(path).view_name}"


def give_a_password(name: str, password: str) -> None:
    membership = cast.membership("HC", name)
    membership.credential = passwords.store(membership.credential, passwords.hash_new(password))
    membership.save()


def by_password(visitor: Visitor, name: str, password: str) -> None:
    visitor.go_to_verify("HC", name)
    answer = visitor.post(reverse("staff:verify_by_password"), {"password": password})
    assert answer.url == reverse("home")


def half_quick(visitor: Visitor) -> None:
    data = {"code": cast.CODES["HC"], "password": cast.ENTERPRISE_PASSWORDS["HC"]}
    visitor.post_with_picture(reverse("staff:quick_login"), data)


def half_agency(visitor: Visitor) -> None:
    assert agency_password(visitor).url == reverse("agencies:agency_person")


def agency_handler(visitor: Visitor) -> None:
    assert sign_in_at_agency(visitor, "邓丽娟").url == reverse("agencies:clients")


def agency_lead(visitor: Visitor) -> None:
    agency_password(visitor)
    choose(visitor, "冯天宇")
    visitor.post(reverse("agencies:agency_send_code"))
    answer = visitor.post(reverse("agencies:agency_sms"), {"code": visitor.code_on(cast.PHONES["冯天宇"])})
    assert answer.url == reverse("agencies:clients")


def handler(visitor: Visitor) -> None:
    agency_handler(visitor)
    assert enter(visitor, "HC").url == reverse("home")


def himself(visitor: Visitor) -> None:
    data = {"username": "sunyajing", "password": cast.NATURAL_PASSWORDS["孙雅静"], "agreement": "on"}
    assert visitor.post_with_picture(reverse("staff:natural_login"), data).url == reverse("home")


def in_reset_state(visitor: Visitor) -> None:
    passwords.reset(cast.membership("HC", "孙雅静").credential)
    by_password(visitor, "孙雅静", "111111")


def without_functions(visitor: Visitor) -> None:
    give_a_password("马文涛", "Wentao-2026-ok")
    by_password(visitor, "马文涛", "Wentao-2026-ok")


BECOME: dict[str, Callable[[Visitor], object]] = {
    "anonymous": lambda visitor: None,
    "half": lambda visitor: visitor.give_enterprise_password("HC"),
    "half_quick": half_quick,
    "half_agency": half_agency,
    "reset": in_reset_state,
    "no_functions": without_functions,
    "clerk": lambda visitor: by_password(visitor, "孙雅静", cast.PERSONAL_PASSWORDS["HC", "孙雅静"]),
    "manager": lambda visitor: visitor.sign_in_by_sms("HC", "郑海涛"),
    "weak_lead": lambda visitor: by_password(visitor, "钱思远", cast.PERSONAL_PASSWORDS["HC", "钱思远"]),
    "finance": lambda visitor: visitor.sign_in_by_sms("HC", "林若兰"),
    "legal_rep": lambda visitor: visitor.sign_in_by_sms("HC", "钱思远"),
    "person": himself,
    "handler": handler,
    "agency_handler": agency_handler,
    "agency_lead": agency_lead,
    "officer": sign_in_as_officer,
    "reviewer": lambda visitor: sign_in_as_officer(visitor, REVIEWER),
}


def become(visitor: Visitor, role: str) -> None:
    """Bring this visitor into the role, at 沈阳海川贸易有限公司, by real pages; of who is signed in a photo is kept.

    The minute between two codes is an hour for him: some machines need longer than that for the whole table.
    """
    BECOME[role](visitor)
    for sign_in in SignIn.objects.filter(ended_at__isnull=True):
        keep_photo(sign_in.person)
    later = timezone.now() + timedelta(hours=1)
    Throttle.objects.filter(key__startswith="code_gap", resets_at__isnull=False).update(resets_at=later)
    is_in = role not in VISITORS
    assert SignIn.objects.filter(ended_at__isnull=True).count() == is_in


@contextmanager
def undone(client: Client) -> Iterator[None]:
    """Whatever is done inside is undone, in the database and in this browser."""
    cookies = client.cookies.copy()
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    client.cookies = cookies


@pytest.mark.rule("AUZ-01")
def test_every_address_has_its_rows_in_the_table_and_no_row_is_left_over():
    assert {(name, method) for name in NAMES for method in (GET, POST)} == set(TABLE)
    assert len(NAMES) == len(set(NAMES))
    assert all(row.keys() == set(ROLES) for row in TABLE.values())


@pytest.mark.rule("AUZ-01", "RST-04", "FLOW-01", "D7", "D10", "D15")
@pytest.mark.parametrize("role", ROLES)
def test_every_address_answers_this_role_as_the_table_says(visitor, role):
    become(visitor, role)
    got = {}
    for name, method in TABLE:
        with undone(visitor):
            where = address(name, visitor)
            answer = visitor.get(where) if method == GET else visitor.post(where, {"nothing": "at all"})
            got[name, method] = called(answer)
    assert got == {cell: row[role] for cell, row in TABLE.items()}


@pytest.mark.rule("AUZ-01")
@pytest.mark.parametrize(
    ("role", "methods"), [("anonymous", ("PUT", "DELETE", "TRACE", "OPTIONS", "PROPFIND")), ("legal_rep", ("PUT",))]
)
def test_other_methods_are_refused_everywhere_and_never_an_error(visitor, role, methods):
    become(visitor, role)
    for name in NAMES:
        for method in methods:
            with undone(visitor):
                answer = visitor.generic(method, address(name, visitor))
            office = (DOOR, "404") if name.startswith("bureau:") else ()
            assert called(answer) in ("405", LOGIN, QUICK, AGENCY, *office), (name, method)


@pytest.mark.rule("AUZ-01")
@pytest.mark.parametrize("role", ["anonymous", "legal_rep"])
def test_head_answers_like_get_without_a_body(visitor, role):
    become(visitor, role)
    for name in NAMES:
        with undone(visitor):
            answer = visitor.head(address(name, visitor))
            assert called(answer) == TABLE[name, GET][role], name
            assert answer.content == b"", name


@pytest.mark.rule("AUZ-05", "D7", "M97")
@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("马文涛", frozenset()),
        ("何晨曦", functions.branch_codes("query")),
        ("孙雅静", functions.ALL),
        ("郑海涛", functions.ALL),
        ("林若兰", functions.ALL),
        ("钱思远", functions.ALL),
    ],
)
def test_every_leaf_opens_to_who_holds_it_and_is_403_to_who_does_not(visitor, name, held):
    if name == "马文涛":
        give_a_password(name, "Wentao-2026-ok")
    password = cast.PERSONAL_PASSWORDS.get(("HC", name), "Wentao-2026-ok")
    bound = cast.membership("HC", name).is_bound
    by_password(visitor, name, cast.NATURAL_PASSWORDS[name] if bound else password)
    answers = {code: visitor.get(reverse("staff:function", args=[code])) for code in functions.FUNCTIONS}
    assert {code for code, answer in answers.items() if answer.status_code != 403} == held
    pages = {code: functions.get(code).url_name for code in held}
    expected = {code: f"→{page}" if page else "200" for code, page in pages.items()}
    assert {code: called(answers[code]) for code in held} == expected


@pytest.mark.rule("AUZ-05", "D7")
def test_a_leaf_that_has_its_own_page_is_guarded_at_that_page_as_well(visitor):
    own_pages = [function for function in functions.FUNCTIONS.values() if function.url_name]
    assert own_pages
    become(visitor, "no_functions")
    identity = Identity.objects.get(taxpayer=cast.taxpayer("HC"), name="空身份")
    for function in own_pages:
        assert visitor.get(reverse(function.url_name)).status_code == 403
        identity.grant([function.code])
        assert visitor.get(reverse(function.url_name)).status_code == 200


@pytest.mark.rule("AUZ-05", "D7", "SES-05")
def test_a_function_that_is_unticked_is_gone_at_the_next_click_and_the_refusal_names_it(visitor):
    become(visitor, "clerk")
    where = reverse("staff:function", args=[LEAF])
    assert visitor.get(where).status_code == 200
    Identity.objects.get(taxpayer=cast.taxpayer("HC"), name="全量办税").grants.filter(function=LEAF).delete()
    refused = visitor.get(where)
    assert refused.status_code == 403
    assert "您没有“蓝字发票开具”功能" in words(refused)
    entry = AuditEntry.objects.order_by("-seq").first()
    assert (entry.kind, entry.reason, entry.details) == (Kind.FUNCTION_REFUSED, "not_held", {"function": LEAF})


_HREF = re.compile(r'(?:href|data-url|src)="([^"#]*)')


@pytest.mark.rule("SES-08")
def test_looking_at_every_address_and_following_every_link_changes_nothing(visitor):
    become(visitor, "legal_rep")
    to_see = [address(name, visitor) for name in NAMES]
    to_see += [reverse("staff:function", args=[code]) for code in functions.FUNCTIONS]
    candidate = {"name": "宋雨桐", "id_type": "resident", "id_number": cast.ID_NUMBERS["宋雨桐"]}
    found = visitor.post(reverse("staff:search_candidate"), candidate)
    to_see.append(re.search(r'href="(/staff/add/[^"]{20,}/)"', found.content.decode())[1])
    before = rows()
    seen = set()
    while to_see:
        where = to_see.pop()
        if where in seen or not where.startswith(("/", "?")) or where.startswith("/static/"):
            continue
        seen.add(where)
        answer = visitor.get(where)
        assert answer.status_code < 500, where
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            to_see += [unescape(found) for found in _HREF.findall(answer.content.decode())]
    assert len(seen) > len(NAMES) + len(functions.FUNCTIONS)
    assert rows() == before


@pytest.mark.rule("SES-08")
@pytest.mark.parametrize("role", ["anonymous", "half", "legal_rep"])
def test_a_form_without_its_token_or_with_a_wrong_one_is_refused_at_every_address(visitor, role):
    become(visitor, role)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = visitor.cookies
    before = rows()
    for name in NAMES:
        where = address(name, strict)
        for body in ({"a": "b"}, {"csrfmiddlewaretoken": "a" * 64}, {"csrfmiddlewaretoken": ""}):
            answer = strict.post(where, body)
            if name in BY_SECRET:  # asked by another system, which proves itself by its secret
                assert answer.status_code in REFUSED, name
                continue
            assert answer.status_code == 403, name
            assert "页面已过期" in words(answer), name
            assert answer.headers["X-Request-ID"] in words(answer), name
    assert rows() == before


@pytest.mark.rule("SES-08")
def test_a_visitor_without_the_cookie_is_refused_as_well(world):
    for name in NAMES:
        answer = Client(enforce_csrf_checks=True).post(address(name, Client()), {"csrfmiddlewaretoken": "a" * 64})
        assert answer.status_code in (REFUSED if name in BY_SECRET else (403,)), name


@pytest.mark.rule("SES-08")
def test_a_form_with_its_own_token_passes_and_the_token_changes_at_sign_in(visitor):
    strict = Client(enforce_csrf_checks=True)
    page = strict.get(reverse("login")).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    assert strict.post(reverse("sign_out"), {"csrfmiddlewaretoken": token}).status_code == 302
    visitor.go_to_verify("HC", "钱思远")
    before = visitor.cookies["csrf"].value
    by_password(visitor, "钱思远", cast.PERSONAL_PASSWORDS["HC", "钱思远"])
    assert visitor.cookies["csrf"].value != before


@pytest.mark.rule("SES-08")
def test_an_old_token_is_worth_nothing_after_the_sign_in(visitor):
    page = visitor.get(reverse("login")).content.decode()
    old = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    become(visitor, "legal_rep")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = visitor.cookies
    assert strict.post(reverse("sign_out"), {"csrfmiddlewaretoken": old}).status_code == 403
    fresh = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', strict.get(reverse("home")).content.decode())[1]
    assert strict.post(reverse("sign_out"), {"csrfmiddlewaretoken": fresh}).status_code == 302


@pytest.mark.rule("FLOW-11")
def test_no_address_makes_a_sign_in_but_the_last_steps_of_the_door(visitor):
    """With all that a visitor may know (numbers, names, a half-done sign-in) no address lets him in unproven."""
    become(visitor, "half")
    visitor.choose("钱思远")
    person = str(cast.person("钱思远").uid)
    claims = {"person": person, "taxpayer": str(cast.taxpayer("HC").uid), "proof": "enterprise_sms", "code": "000000"}
    claims |= {"own_password": "present", "is_lead": "1", "user_id": "1", "next": "/"}
    for name in NAMES:
        with undone(visitor):
            where = address(name, visitor)
            visitor.post(where, claims)
            visitor.get(where, claims)
            assert called(visitor.get(reverse("home"))) == LOGIN, name
    assert not SignIn.objects.exists()
    assert Membership.objects.open().filter(taxpayer=cast.taxpayer("HC")).count() == 9
