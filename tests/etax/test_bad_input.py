"""Bad input everywhere: whatever is typed, the portal refuses it cleanly, changes nothing and shows it harmless."""

import io
import ipaddress
import json
import logging
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from urllib.parse import quote_from_bytes, urlsplit

import pytest
from django import forms as django_forms
from django.conf import settings as portal
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.http import HttpResponse, QueryDict
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse
from django.utils import timezone

from accounts import addresses, numbers, pictures
from accounts import forms as shared
from accounts.actor import Actor
from accounts.models import AuditEntry, Person, SignIn, Taxpayer, Throttle, UsedPicture
from accounts.models.record import Kind
from agencies import forms as between
from etax import urls
from etax.bureau import forms as bureau_forms
from etax.bureau import lists
from etax.wsgi import application
from realname import forms as realname_forms
from realname.models import ChangeRequest, Collection, MisuseCase, Post
from staff import change_forms, declaration_forms, forms, person_forms, standing
from staff.models import Identity
from staff.services import adding
from tests import cast
from tests.agencies.acting import engagement
from tests.etax import naughty, officers
from tests.etax.tables import LOOKS, TRIES, rows
from tests.realname import collecting
from tests.realname.asking import ask_for_finance
from tests.staff.acting import actor, settle_yunfan
from tests.visitor import Visitor, words

FORM = "application/x-www-form-urlencoded"
UNKNOWN = "91210103MA0HC00241"
"""The shape of a number, and nobody's."""
FINE = (200, 301, 302, 304, 400, 401, 403, 404, 405, 409, 410, 413, 414, 429)

pytestmark = pytest.mark.usefixtures("as_a_real_portal")


@pytest.fixture
def as_a_real_portal(settings) -> None:
    """Without DEBUG: what goes wrong is then 500 and nothing else, and quickly said. The demo's pages are there."""
    settings.DEBUG, settings.SMS_URL = False, "https://gateway.invalid/send"
    settings.ROOT_URLCONF = urls.__name__


class Attack:
    """Many tries of one kind by one visitor, and what went wrong in them.

    Its browser is one whose messages never leave, as nothing here is ever committed.
    """

    def __init__(self, visitor: Client, *, but: tuple[str, ...] = TRIES) -> None:
        self.client = Client(raise_request_exception=False, enforce_csrf_checks=visitor.handler.enforce_csrf_checks)
        self.client.cookies = visitor.cookies
        self.but = but
        self.faults: dict[str, str] = {}
        self.before = rows(but)

    def each(
        self,
        values: Iterable[bytes],
        ask: Callable[[Client, bytes], HttpResponse],
        *,
        fine: Iterable[int] = FINE,
        undo: bool = False,
        then: Iterable[str] = (),
    ) -> None:
        """Ask with every value, each in a savepoint: a request that broke its transaction doesn't break the next.

        With `undo` what was accepted is undone after a look at the addresses in `then`, which may show it.
        """
        for value in values:
            cookies = self.client.cookies.copy()
            with transaction.atomic():
                fault = self._fault(ask, value, fine, then)
                if fault or undo:
                    transaction.set_rollback(True)
            if fault:
                self.faults[repr(value[:60])] = fault
            if fault or undo:
                self.client.cookies = cookies

    def _fault(self, ask: Callable[[Client, bytes], HttpResponse], value: bytes, fine, then) -> str:
        try:
            faults = [what_is_wrong(ask(self.client, value), fine)]
            faults += [what_is_wrong(self.client.get(where), (200,)) for where in then if not faults[0]]
        except Exception as error:
            return f"raised {type(error).__name__}: {error}"[:200]
        return "; ".join(fault for fault in faults if fault)

    def end(self) -> None:
        """Nothing went wrong, and nothing is changed."""
        assert self.faults == {}
        assert rows(self.but) == self.before


def what_is_wrong(answer, fine: Iterable[int] = FINE) -> str:
    """In words what this answer should not have; empty when all is well."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    location = urlsplit(answer.headers.get("Location", ""))
    wrong = {
        f"status {answer.status_code}": answer.status_code not in fine,
        "markup came out as markup": f"<{naughty.MARK}".encode() in body,
        "a template was worked out": naughty.PRODUCT.encode() in body,
        "a secret came out": portal.SECRET_KEY.encode() in body,
        "it leads elsewhere": bool(location.netloc or location.scheme) or location.path.startswith(("//", "/\\")),
        "a header has more than a line": any("\r" in told or "\n" in told for told in answer.headers.values()),
        "a cookie is the visitor's": any(cookie.value == "chosen" for cookie in answer.cookies.values()),
    }
    return ", ".join(name for name, so in wrong.items() if so)


def post(client: Client, where: str, fields: dict[str, bytes], **extra) -> HttpResponse:
    """A form, byte for byte."""
    return client.post(where, naughty.urlencoded(fields), content_type=FORM, **extra)


def query(**fields: bytes) -> str:
    return "?" + naughty.urlencoded(fields).decode()


# --- Every field of every form -------------------------------------------------------------------------------------


def nobody(visitor: Visitor) -> None:
    """A visitor."""


def first_factor(visitor: Visitor) -> None:
    visitor.give_enterprise_password("HC")


def chosen(visitor: Visitor) -> None:
    visitor.go_to_verify("HC", "钱思远")


def chosen_for_quick(visitor: Visitor) -> None:
    data = {"code": cast.CODES["HC"], "password": cast.ENTERPRISE_PASSWORDS["HC"]}
    visitor.post_with_picture(reverse("staff:quick_login"), data)
    visitor.post(reverse("staff:quick_person"), {"person": str(cast.person("钱思远").uid)})


def proven(visitor: Visitor) -> None:
    """Proven by SMS at a first sign-in: what is missing is a password of his own."""
    with override_settings(DEBUG=True, SMS_URL=f"file://{visitor.messages}"):
        visitor.go_to_verify("YF", "王晓敏")
        visitor.verify_by_sms("19900000001")


def collecting_at(page: str) -> Callable[[Visitor], None]:
    """Somebody at this page of 实名采集."""

    def become(visitor: Visitor) -> None:
        with override_settings(DEBUG=True, SMS_URL=f"file://{visitor.messages}"):
            collecting.go_to(visitor, page)

    return become


def proven_to_register(visitor: Visitor) -> None:
    """Proven by SMS on the way to an account: what is missing are its name and password."""
    who = {"name": "钱思远", "id_type": "resident", "id_number": cast.ID_NUMBERS["钱思远"], "phone": "19900000006"}
    with override_settings(DEBUG=True, SMS_URL=f"file://{visitor.messages}"):
        visitor.post_with_picture(reverse("staff:register"), {**who, "agreement": "on"})
        visitor.post(reverse("staff:register_code"), {"code": visitor.code_on("19900000006")})


def signed_in(visitor: Visitor) -> None:
    """The legal representative, after a code of this minute: he may do everything."""
    visitor.sign_in_by_password("HC", "钱思远")
    SignIn.objects.update(code_at=timezone.now())


def an_officer(visitor: Visitor) -> None:
    """An officer of the counter."""
    with override_settings(DEBUG=True, SMS_URL=f"file://{visitor.messages}"):
        officers.sign_in(visitor)


def a_reviewer(visitor: Visitor) -> None:
    """A reviewer, with a case to decide."""
    with override_settings(DEBUG=True, SMS_URL=f"file://{visitor.messages}"):
        officers.sign_in(visitor, officers.REVIEWER)
    MisuseCase.objects.create(taxpayer=cast.taxpayer("HC"), person=cast.person("何晨曦"), statement="x")


def with_a_request(visitor: Visitor) -> None:
    """A reviewer, with a request of a firm to decide."""
    a_reviewer(visitor)
    ask_for_finance(actor("HC", "钱思远"))


def a_request() -> str:
    return str(ChangeRequest.objects.get().uid)


def with_another_name(visitor: Visitor) -> None:
    """A reviewer, with a collection under another name than the bureau knows."""
    a_reviewer(visitor)
    now, number = timezone.now(), cast.ID_NUMBERS["周文博"]
    consent = {"consent_version": "2026-11", "begun_at": now, "consented_at": now, "submitted_at": now}
    Collection.objects.create(name="周文伯", id_type="resident", id_number=number, phone="13900000001", **consent)


def a_collection() -> str:
    return str(Collection.objects.get().uid)


def a_case() -> str:
    return str(MisuseCase.objects.get().uid)


def a_picture(form: str) -> Callable[[Client], dict[str, bytes]]:
    """A fresh picture of this form, and its right answer."""

    def made(client: Client) -> dict[str, bytes]:
        token = client.get(reverse("accounts:new_picture", args=[form])).json()["token"]
        return {"captcha_token": token.encode(), "captcha": pictures.answer(token).encode()}

    return made


LOGIN = {"code": UNKNOWN.encode(), "password": b"wrong", "agreement": b"on"}
GOOD = "换个好密码2026".encode()
NEW = {"new_password": b"a", "confirm_password": b"a"}
CHANGE = {"old_password": b"wrong", "new_password": GOOD, "confirm_password": GOOD}
CANDIDATE = {"name": "宋雨桐".encode(), "id_type": b"resident", "id_number": b"210202199408250446"}


def a_member() -> str:
    return str(cast.membership("HC", "孙雅静").uid)


def an_identity() -> str:
    return str(Identity.objects.get(taxpayer=cast.taxpayer("HC"), name="查询员").uid)


def a_firm() -> str:
    return str(cast.taxpayer("HC").uid)


def a_post() -> int:
    return Post.objects.get(taxpayer=cast.taxpayer("YF"), person=cast.person("周文博")).pk


def a_clerks_post() -> str:
    return str(Post.objects.get(taxpayer=cast.taxpayer("HC"), person=cast.person("孙雅静")).pk)


def a_candidate() -> str:
    found = standing.of_person(cast.person("宋雨桐"), cast.taxpayer("HC"))
    return adding.token_for(found, by=Actor(person=cast.person("钱思远"), taxpayer=cast.taxpayer("HC")))


def at_two_firms(visitor: Visitor) -> None:
    """A clerk of two firms, by a code."""
    settle_yunfan()
    visitor.sign_in_by_password("HC", "孙雅静")
    SignIn.objects.update(code_at=timezone.now())


def another_firm() -> str:
    """The second firm of the clerk of two."""
    return str(cast.taxpayer("YF").uid)


def of_agency(visitor: Visitor) -> None:
    """The legal representative of an agency, proven by SMS."""
    with override_settings(DEBUG=True, SMS_URL=f"file://{visitor.messages}"):
        visitor.sign_in_by_sms("XD", "冯天宇")


def an_agency() -> str:
    return str(cast.taxpayer("HX").uid)


def an_engagement() -> str:
    return str(engagement("HC").uid)


@dataclass(frozen=True)
class Case:
    """A form: where it is sent to, by whom, what else is in it, which of its fields take free text and may succeed."""

    form: type
    address: str
    become: Callable[[Visitor], None]
    data: dict[str, bytes] = field(default_factory=dict)
    argument: Callable[[], str] | None = None
    free: frozenset[str] = frozenset()
    shown: tuple[str, ...] = ()
    method: str = "POST"

    @property
    def where(self) -> str:
        return reverse(self.address, args=[self.argument()] if self.argument else [])

    @property
    def name(self) -> str:
        return f"{self.form.__name__} at {self.address}"

    @property
    def fields(self) -> dict[str, django_forms.Field]:
        return self.form.base_fields

    def picture(self, client: Client) -> dict[str, bytes]:
        is_pictured = issubclass(self.form, shared.PictureForm)
        return a_picture(self.form.form_name)(client) if is_pictured else {}

    def ask(self, client: Client, **changed: bytes) -> HttpResponse:
        fields = {**self.data, **self.picture(client), **changed}
        return post(client, self.where, fields) if self.method == "POST" else client.get(self.where + query(**fields))


def free(*names: str) -> frozenset[str]:
    return frozenset(names)


NAMED_SO = {"username": b"nobody", "password": b"wrong", "agreement": b"on"}
FORGOTTEN = {"username": b"nobody", "code": UNKNOWN.encode(), "phone": b"13812345678"}
MEMBERS, MEMBER, CHANGES = "staff:members", "staff:member", "staff:changes"
CLERK = {**CANDIDATE, "mobile": b"19900000012"}
FINANCE = {**CLERK, "rows": b"name"}
PHONES_TYPED = {"mobile": b"19900000003"}
RESET = {"new_password": GOOD, "confirm_password": GOOD, "code": b"123456"}
WHO = {"name": "周文博".encode(), "id_type": b"resident", "id_number": b"1", "phone": b"13812345678"}
PERSONS = {"person": b"00000000-0000-0000-0000-000000000000"}
IDENTITY = {"name": "新身份".encode(), "description": b"", "functions": b"tax.invoice.issue"}
FILTERS = free("kind", "result", "name", "since", "until")
NAMED = free("version", "name", "description", "functions")
RIGHTS = free("version", "identities", "is_manager", "valid_until")
GROUPS = "agencies:groups"
PHONES = free("mobile", "landline", "clear_landline")
CASES = [
    Case(forms.OrdinaryLoginForm, "login", nobody, LOGIN),
    Case(forms.QuickLoginForm, "staff:quick_login", nobody, LOGIN),
    Case(forms.NaturalLoginForm, "staff:natural_login", nobody, NAMED_SO),
    Case(forms.NaturalSmsForm, "staff:natural_sms", nobody, NAMED_SO, free=free("username", "agreement")),
    Case(forms.ForgottenEnterpriseForm, "staff:forgotten_enterprise", nobody, FORGOTTEN, free=free("code", "phone")),
    Case(forms.ForgottenPersonForm, "staff:forgotten_person", nobody, FORGOTTEN, free=free("username", "phone")),
    Case(
        person_forms.RegistrationForm,
        "staff:register",
        nobody,
        {**CANDIDATE, "phone": b"13812345678", "agreement": b"on"},
        free=free("name", "id_type", "id_number", "phone", "agreement"),
    ),
    Case(person_forms.AccountForm, "staff:register_account", proven_to_register, {"username": b"newcomer", **NEW}),
    Case(person_forms.NewPhoneForm, "staff:change_phone", signed_in, {"phone": b"1"}),
    Case(
        forms.RecordFilterForm,
        "staff:my_record",
        signed_in,
        method="GET",
        free=free("kind", "result", "since", "until"),
    ),
    Case(forms.PersonChoiceForm, "staff:choose_person", first_factor, PERSONS),
    Case(forms.PeopleSearchForm, "staff:choose_person", first_factor, method="GET", free=free("name")),
    Case(shared.SmsCodeForm, "staff:verify_by_sms", chosen, {"code": b"123456"}),
    Case(forms.QuickPhoneForm, "staff:send_quick_code", chosen_for_quick, {"phone": b"1"}),
    Case(forms.QuickCodeForm, "staff:quick_code", chosen_for_quick, {"code": b"123456", "agreement": b"on"}),
    Case(forms.PersonalPasswordForm, "staff:verify_by_password", chosen, {"password": b"wrong"}),
    Case(shared.NewPasswordForm, "staff:set_password", proven, NEW, free=free("new_password", "confirm_password")),
    Case(shared.ChangePasswordForm, "staff:change_password", signed_in, CHANGE),
    Case(forms.ChangeEnterprisePasswordForm, "staff:change_enterprise_password", signed_in, CHANGE),
    Case(
        forms.OperationsFilterForm,
        "staff:operations",
        signed_in,
        method="GET",
        free=FILTERS,
    ),
    Case(forms.MemberFilterForm, MEMBERS, signed_in, method="GET", free=free("name", "state")),
    Case(forms.ActForm, "staff:remove", signed_in, {"version": b"0"}, a_member, free("version")),
    Case(
        forms.FreezeForm,
        "staff:freeze",
        signed_in,
        {"version": b"1"},
        a_member,
        free("version", "reason", "until"),
        (MEMBERS,),
    ),
    Case(forms.RightsForm, "staff:change_rights", signed_in, {"version": b"1"}, a_member, RIGHTS, (MEMBERS,)),
    Case(
        forms.IdentityForm,
        "staff:save_new_identity",
        signed_in,
        IDENTITY,
        None,
        NAMED,
        ("staff:identities",),
    ),
    Case(forms.CandidateForm, "staff:search_candidate", signed_in, CANDIDATE),
    Case(forms.AddMemberForm, "staff:add_member", signed_in, {"password": b"x"}, a_candidate, free("is_manager")),
    Case(realname_forms.WhoForm, "realname:new", nobody, WHO, free=free("id_number")),
    Case(realname_forms.ChangeForm, "realname:change", nobody, WHO, free=free("id_number")),
    Case(
        realname_forms.ConsentForm,
        "realname:consent",
        collecting_at("consent"),
        {"version": b"2026-11"},
        free=free("agreed"),
    ),
    Case(realname_forms.CardForm, "realname:card_front", collecting_at("card_front")),
    Case(realname_forms.PhotoForm, "realname:face", collecting_at("face")),
    Case(
        realname_forms.DetailsForm,
        "realname:details",
        collecting_at("details"),
        free=free("valid_until", "has_no_end"),
    ),
    Case(forms.EnterprisePasswordForm, "staff:switch", at_two_firms, {"password": b"wrong"}, another_firm),
    Case(
        forms.MisuseForm,
        "staff:report_misuse",
        at_two_firms,
        {"statement": b"not me"},
        another_firm,
        free("statement"),
        ("staff:my_posts",),
    ),
    Case(forms.MembershipChoiceForm, "staff:withdraw_authorisation", signed_in),
    Case(between.AgencyLoginForm, "agencies:agency_login", nobody, LOGIN),
    Case(between.ClientFilterForm, "agencies:clients", of_agency, method="GET", free=free("search", "group")),
    Case(
        between.EngagementFilterForm,
        "agencies:engagements",
        of_agency,
        method="GET",
        free=free("search", "state", "group", "expiring"),
    ),
    Case(between.AgencySearchForm, "agencies:find_agency", signed_in, method="GET", free=free("search")),
    Case(
        between.PeopleOfAgencyForm, "agencies:handlers", of_agency, {}, an_engagement, free=free("name"), method="GET"
    ),
    Case(between.TermsForm, "agencies:review_recognition", signed_in, {}, an_agency, free("version", "valid_until")),
    Case(
        between.ConfirmedTermsForm,
        "agencies:save_recognition",
        signed_in,
        {},
        an_agency,
        free("version", "valid_until", "identity_version"),
    ),
    Case(
        between.NoteForm,
        "agencies:cancel",
        signed_in,
        {"version": b"1"},
        an_engagement,
        free("version", "note"),
        ("agencies:recognitions",),
    ),
    Case(between.ProposalForm, "agencies:propose", of_agency, {"code": UNKNOWN.encode()}, free=free("code")),
    Case(between.HandlersForm, "agencies:handlers", of_agency, {"version": b"1"}, an_engagement, free("version")),
    Case(between.GroupForm, "agencies:groups", of_agency, {"name": "一组".encode()}, None, free("name"), (GROUPS,)),
    Case(between.PlaceForm, "agencies:place", of_agency, {"version": b"1"}, an_engagement, free("version")),
    Case(bureau_forms.OfficerLoginForm, "bureau:login", nobody, {"username": b"nobody", "password": b"wrong"}),
    Case(bureau_forms.FindTaxpayerForm, "bureau:find_taxpayer", an_officer, {"code": UNKNOWN.encode()}),
    Case(bureau_forms.FindPersonForm, "bureau:find_person", an_officer, {"id_type": b"resident"}),
    Case(bureau_forms.ShownForm, "bureau:open_account", an_officer, {"handler": b"x"}, a_firm),
    Case(bureau_forms.CloseForm, "bureau:close_account", an_officer, {"handler": b"x"}, a_firm),
    Case(bureau_forms.ResetForm, "bureau:reset_password", an_officer, {"handler": b"x", "version": b"1"}, a_firm),
    Case(bureau_forms.OpenNewForm, "bureau:open_new_account", an_officer, {"name": b"x", "kind": b"enterprise"}),
    Case(bureau_forms.CollectForm, "bureau:collect", an_officer, {**CANDIDATE, "saw_face": b"on"}),
    Case(bureau_forms.PostForm, "bureau:add_post", an_officer, {**CANDIDATE, "position": b"clerk"}, a_firm),
    Case(bureau_forms.PhonesForm, "bureau:change_phones", an_officer, {}, a_post, PHONES),
    Case(bureau_forms.EndPostForm, "bureau:end_post", an_officer, {"until": b"x"}, a_post, free("until")),
    Case(bureau_forms.ConfirmForm, "bureau:link", an_officer, {"confirmed": b"on"}, a_post, free("confirmed")),
    Case(bureau_forms.DecideForm, "bureau:decide_misuse", a_reviewer, {"upheld": b"x"}, a_case),
    Case(bureau_forms.ReturnForm, "bureau:return_change", with_a_request, {"reason": b"x"}, a_request, free("reason")),
    Case(
        bureau_forms.NameCheckedForm,
        "bureau:approve_collection",
        with_another_name,
        {"confirmed": b"True"},
        a_collection,
        free("confirmed", "name_checked"),
    ),
    Case(lists.SearchForm, "bureau:accounts_taxpayer_changelist", an_officer, method="GET", free=free("q")),
    Case(change_forms.FinanceChangeForm, "staff:change_finance", signed_in, FINANCE),
    Case(change_forms.ClerkForm, "staff:add_clerk", signed_in, CLERK, None, free(*CLERK, "landline"), (CHANGES,)),
    Case(change_forms.PhonesForm, "staff:change_phones", signed_in, PHONES_TYPED, a_clerks_post, free("landline")),
    Case(declaration_forms.DeclarationNoticeForm, "staff:declaration", signed_in, free=free("show")),
    Case(declaration_forms.ResetDeclarationPasswordForm, "staff:reset_declaration_password", signed_in, RESET, a_firm),
]
PARTS = {shared.PictureForm, between.GroupChoiceForm}
"""What other forms are made of; never shown alone."""
APART = {between.TogetherForm}
"""What needs rows named beside it: attacked in a test of its own."""
TOLD = {"name", "reason", "description", "statement", "note"}
"""Fields whose text is kept and shown to others."""
DATED = {"since", "until", "valid_until"}
DAYS = [b"0001-01-01", b"0001-01-02", b"1582-10-10", b"1900-02-29", b"9999-12-30", b"9999-12-31"]
POSTED = [case for case in CASES if case.method == "POST"]
by_name = {"ids": lambda case: case.name}


def below(form: type) -> set[type]:
    return {form}.union(*(below(each) for each in form.__subclasses__()))


@pytest.mark.rule("VAL-03")
def test_every_form_of_the_portal_is_attacked_here():
    ours = {form for form in below(shared.Form) - {shared.Form} if not form.__module__.startswith("tests.")}
    assert ours == {case.form for case in CASES} | PARTS | APART


@pytest.mark.rule("VAL-03", "REL-01")
@pytest.mark.parametrize("name", ["engagement", *between.TogetherForm.base_fields])
def test_what_is_done_to_several_clients_at_once_takes_any_input(visitor, name):
    of_agency(visitor)
    fields = {"engagement": an_engagement().encode(), "act": b"name"}
    attack = Attack(visitor)
    where = reverse("agencies:together")
    attack.each(naughty.some(3), lambda client, value: post(client, where, fields | {name: value}))
    attack.end()


def bound(case: Case, request, **changed: bytes) -> django_forms.Form:
    """The form as a view makes it, filled in."""
    more: dict[str, object] = {"request": request} if issubclass(case.form, shared.PictureForm) else {}
    more |= {"taxpayer": cast.taxpayer("HC")} if {"identities", "identity"} & case.fields.keys() else {}
    more |= {"agency": cast.taxpayer("XD")} if {"group", "people"} & case.fields.keys() else {}
    more |= {"giver": Actor(is_lead=True)} if case.form is forms.AddMemberForm else {}
    return case.form(QueryDict(naughty.urlencoded({**case.data, **changed})), **more)


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize("case", CASES, **by_name)
def test_nothing_typed_into_a_field_breaks_its_form(visitor, rf, case):
    request = rf.get("/")
    for name in case.fields:
        for value in naughty.ALL:
            form = bound(case, request, **{name: value})
            assert form.is_valid() in (True, False)
            assert f"<{naughty.MARK}" not in form.errors.as_ul()


@pytest.mark.rule("VAL-03", "CAP-03", "D29")
@pytest.mark.parametrize("case", CASES, **by_name)
def test_a_flood_of_combining_characters_is_measured_before_it_is_folded(visitor, rf, monkeypatch, case):
    """Folding a long run of marks takes time by the square of its length: a whole body of them takes 20 seconds."""
    longest, real = 0, unicodedata.normalize

    def watched(form: str, text: str) -> str:
        nonlocal longest
        longest = max(longest, len(text))
        return real(form, text)

    monkeypatch.setattr(unicodedata, "normalize", watched)
    flood = ("a" + "\u0315\u0300\u0316" * 2000).encode()
    for name in case.fields:
        bound(case, rf.get("/"), **{name: flood}).is_valid()
    assert longest <= 1000


SHARP = [b"a\x00b", b"\xed\xa0\x80", f'"><{naughty.MARK}>'.encode(), b"9" * 5000, b"9223372036854775808", b"+1"]
"""A few for every field alone; the others are typed into all fields at once."""
WILD = [*naughty.some(1), *naughty.BY_KIND["markup"], *naughty.BY_KIND["templates"][:4]]
"""For fields whose text others read."""


@pytest.mark.rule("VAL-03", "VAL-05")
@pytest.mark.parametrize("case", CASES, **by_name)
def test_nothing_typed_into_this_form_breaks_or_changes_anything(visitor, case):
    """What is accepted, in a field for free text, is looked at on the page that shows it, and undone."""
    case.become(visitor)
    attack = Attack(visitor)
    shown = [reverse(name) for name in case.shown]
    fine = (400, 409, 413)
    fine += (302, 404) if case.form is forms.MembershipChoiceForm else ()  # back to the list, nothing is chosen
    for name in case.fields:
        ask = lambda client, value, name=name: case.ask(client, **{name: value})  # noqa: E731
        if name in case.free:
            values = [*SHARP, *(WILD if name in TOLD else ()), *(DAYS if name in DATED else ())]
            attack.each(values, ask, fine=(200, 302, *fine), undo=True, then=shown if name in TOLD else ())
        else:
            attack.each(SHARP, ask, fine=fine)
    undo = bool(case.free) or case.form is forms.CandidateForm  # ten searches an hour
    everywhere = lambda client, value: case.ask(client, **dict.fromkeys(case.fields, value))  # noqa: E731
    attack.each(
        [*naughty.some(1), *naughty.HUGE[:2]], everywhere, fine=(*fine, 200, 302) if case.free else fine, undo=undo
    )
    attack.end()


@pytest.mark.rule("VAL-04")
@pytest.mark.parametrize("case", POSTED, **by_name)
def test_a_field_missing_or_twice_there_or_an_array_and_a_form_sent_as_something_else_do_nothing(visitor, case):
    case.become(visitor)
    client = Attack(visitor).client
    but = TRIES if issubclass(case.form, realname_forms.PhotoForm) else LOOKS  # a file that comes is counted
    before, record = rows(but), AuditEntry.objects.count()
    whole = {**case.data, **case.picture(client)}
    refused = 302 if case.form is forms.MembershipChoiceForm else 400  # back to the list, nothing is chosen
    for name, wanted in case.fields.items():
        said = quote_from_bytes(whole.get(name, b"x"))
        rest = naughty.urlencoded({"nothing": b""} | {k: v for k, v in whole.items() if k != name}).decode()
        is_list = isinstance(wanted, django_forms.MultipleChoiceField | django_forms.ModelMultipleChoiceField)
        for part in ("", f"{name}[]={said}", f"{name}[a]={said}", f"{name}%00={said}") if wanted.required else ():
            assert client.post(case.where, f"{rest}&{part}".encode(), content_type=FORM).status_code == refused, part
        for part in () if is_list else (f"{name}={said}&{name}={said}", f"{name}=&{name}={said}"):
            answer = client.post(case.where, f"{rest}&{part}".encode(), content_type=FORM)
            assert answer.status_code == refused, part
            assert refused == 302 or "同一项目只能填写一个值。" in words(answer), part
    assert rows(but) == before
    for kind, body in sent_otherwise({name: case.data.get(name, b"x").decode() for name in case.fields}).items():
        assert client.generic("POST", case.where, body, content_type=kind).status_code in (200, refused), kind
    assert rows(but) == before
    assert AuditEntry.objects.count() == record


def sent_otherwise(fields: dict[str, str]) -> dict[str, bytes]:
    """The fields of a form in bodies of other kinds, by content type."""
    part = 'Content-Disposition: form-data; name="{}"; filename="a.txt"\r\n\r\nx\r\n'
    files = "".join(f"--x\r\n{part.format(name)}" for name in fields) + "--x--\r\n"
    text = naughty.urlencoded({name: value.encode() for name, value in fields.items()})
    return {
        "application/json": json.dumps(fields).encode(),
        "application/xml": b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
        "text/plain": text,
        "": text,
        "multipart/form-data; boundary=x": files.encode(),
    }


@pytest.mark.rule("VAL-04")
@pytest.mark.parametrize("case", [case for case in CASES if case.method == "GET"], **by_name)
def test_a_filter_given_twice_is_refused(visitor, case):
    case.become(visitor)
    for name in case.fields:
        answer = visitor.get(f"{case.where}?{name}=&{name}=")
        assert answer.status_code == 400
        assert "同一项目只能填写一个值。" in words(answer)


BROKEN = {
    "no end": b'--x\r\nContent-Disposition: form-data; name="code"\r\n\r\nabc',
    "no parts": b"--x--\r\n",
    "no header": b"--x\r\n\r\nabc\r\n--x--\r\n",
    "no name": b"--x\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--x--\r\n",
    "empty name": b'--x\r\nContent-Disposition: form-data; name=""\r\n\r\nabc\r\n--x--\r\n',
    "bytes in the name": b'--x\r\nContent-Disposition: form-data; name="\xff\x00\xed\xa0"\r\n\r\nabc\r\n--x--\r\n',
    "a long header": b"--x\r\nContent-Disposition: form-data; name=" + b"a" * 5000 + b"\r\n\r\nabc\r\n--x--\r\n",
    "a broken charset": b"--x\r\nContent-Disposition: form-data; name*=rot13''a%ff\r\n\r\nabc\r\n--x--\r\n",
    "a missing charset": b"--x\r\nContent-Disposition: form-data; name*=nothing''a\r\n\r\nabc\r\n--x--\r\n",
    "broken base64": (
        b'--x\r\nContent-Disposition: form-data; name="code"\r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n--x--\r\n'
    ),
    "a file's wild name": (
        b'--x\r\nContent-Disposition: form-data; name="code"; filename="../../\x00\xff"\r\n\r\nabc\r\n--x--\r\n'
    ),
    "a part within a part": b"--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n--x--\r\n--x--\r\n",
    "nothing": b"",
    "no line ends": b'--xContent-Disposition: form-data; name="code"abc--x--',
    "thousands of parts": b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 3000 + b"--x--\r\n",
    "thousands of files": b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n\r\n' * 2000
    + b"--x--",
}
BOUNDARIES = ["x", "", '"x', "x" * 300, "\xff", "*=rot13''%ff", "*=nothing''x", "x\x00"]


@pytest.mark.rule("VAL-03", "VAL-04")
@pytest.mark.parametrize("name", ["login", "sign_out", "redeem_ticket"])
def test_a_broken_multipart_body_is_refused(visitor, name):
    where = reverse(name)
    attack = Attack(visitor)
    for boundary in BOUNDARIES:
        kind = f"multipart/form-data; boundary={boundary}"
        ask = lambda client, body, kind=kind: client.generic("POST", where, body, content_type=kind)  # noqa: E731
        attack.each(BROKEN.values(), ask)
    attack.end()


@pytest.mark.rule("AUZ-04")
def test_fields_that_no_form_has_are_ignored(visitor):
    first_factor(visitor)
    uid = str(cast.taxpayer("YF").uid)
    extra = {"taxpayer": uid, "proof": "enterprise_sms", "own_password": "present", "facts[proof]": "enterprise_sms"}
    extra |= {"is_lead": "1", "is_manager": "on", "frozen_at": "", "role": "legal_rep", "user": "1", "via": uid}
    visitor.post(reverse("staff:choose_person"), {"person": str(cast.person("孙雅静").uid), **extra})
    assert visitor.get(reverse("home")).status_code == 302
    before = rows((*TRIES, "accounts.SignIn"))
    password = cast.PERSONAL_PASSWORDS["HC", "孙雅静"]
    visitor.post(reverse("staff:verify_by_password"), {"password": password, **extra})
    assert rows((*TRIES, "accounts.SignIn")) == before
    sign_in = SignIn.objects.get()
    assert (sign_in.person, sign_in.taxpayer) == (cast.person("孙雅静"), cast.taxpayer("HC"))
    assert sign_in.proof == "enterprise_password"
    assert visitor.get(reverse("staff:members")).status_code == 403


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize("name", ["accounts:acknowledge", "staff:change_password", "staff:synchronise"])
def test_a_made_up_capacity_is_409_and_does_nothing(visitor, name):
    signed_in(visitor)
    attack = Attack(visitor)
    ask = lambda client, value: post(client, reverse(name), {"capacity": value})  # noqa: E731
    attack.each(naughty.some(1), ask, fine=(409,))
    attack.end()
    assert visitor.get(reverse("home")).status_code == 200


@pytest.mark.rule("VAL-03", "SES-08")
def test_a_made_up_form_token_is_403(visitor):
    strict = Client(enforce_csrf_checks=True)
    strict.get(reverse("login"))
    attack = Attack(strict)
    where, name = reverse("login"), "csrfmiddlewaretoken"
    attack.each(naughty.some(4), lambda client, value: post(client, where, {name: value}), fine=(403,))
    in_header = lambda client, value: client.post(where, headers={"x-csrftoken": naughty.header(value)})  # noqa: E731
    attack.each(naughty.some(4), in_header, fine=(403,))
    attack.end()


# --- Every parameter of an address -----------------------------------------------------------------------------------


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize("address", ["staff:operations", MEMBERS, "staff:authorisations", MEMBER])
def test_a_key_that_is_none_is_missing_and_one_beyond_the_rows_is_an_end_of_them(visitor, address):
    signed_in(visitor)
    where = reverse(address, args=[a_member()] if address == MEMBER else [])
    attack = Attack(visitor)
    for key in ("before", "after"):
        ask = lambda client, value, key=key: client.get(where + query(**{key: value}))  # noqa: E731
        attack.each([b"0", b"1", b"9" * 18], ask, fine=(200,))
        attack.each([b"", b"-1", b"1.5", "١".encode(), b"1 ", b"9" * 19, *SHARP, *naughty.HUGE[1:2]], ask, fine=(404,))
    attack.end()


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("staff:operations", "since"),
        ("staff:operations", "until"),
        ("staff:freeze", "until"),
        ("staff:change_rights", "valid_until"),
    ],
)
def test_a_day_at_the_end_of_time_is_taken_or_refused(visitor, address, name):
    signed_in(visitor)
    attack = Attack(visitor)
    if address == "staff:operations":
        attack.each(DAYS, lambda client, day: client.get(reverse(address) + query(**{name: day})), fine=(200, 400))
    else:
        where, member = reverse(address, args=[a_member()]), reverse(MEMBER, args=[a_member()])
        ask = lambda client, day: post(client, where, {"version": b"1", name: day})  # noqa: E731
        attack.each(DAYS, ask, fine=(302, 400), undo=True, then=[reverse(MEMBERS), member, where])
    attack.end()


@pytest.mark.rule("VAL-03", "VAL-05")
def test_nowhere_that_next_names_is_led_to_but_a_page_of_the_portal(visitor):
    visitor.sign_in_by_password("HC", "钱思远")
    where = reverse("staff:step_up")
    attack = Attack(visitor)
    get = lambda client, value: client.get(where + query(next=value))  # noqa: E731
    attack.each([*naughty.some(1), *naughty.BY_KIND["paths"]], get, fine=(200,))
    attack.each(SHARP, lambda client, value: post(client, where, {"next": value}), fine=(400,))
    send = reverse("staff:send_step_up_code")
    attack.each(naughty.BY_KIND["paths"][4:9], lambda client, value: post(client, send, {"next": value}), undo=True)
    attack.each(SHARP, lambda client, value: client.get(reverse("login") + query(next=value)), fine=(200,))
    attack.end()


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example/",
        "/\\evil.example",
        "///evil.example",
        "https://evil.example/",
        "/a\r\nSet-Cookie: session=chosen",
        "javascript:alert(1)",
        "\t//evil.example",
        "/" + "a" * 5000,
    ],
    ids=ascii,
)
def test_after_the_right_code_next_leads_to_this_portal_alone(visitor, wanted):
    visitor.sign_in_by_password("HC", "钱思远")
    with override_settings(DEBUG=True, SMS_URL=f"file://{visitor.messages}"):
        visitor.post(reverse("staff:send_step_up_code"))
    visitor.raise_request_exception = False
    answer = visitor.post(reverse("staff:step_up"), {"code": visitor.code_on("19900000006"), "next": wanted})
    assert what_is_wrong(answer, fine=(302, 400)) == ""


@pytest.mark.rule("VAL-03", "VAL-05", "OTP-11")
def test_nothing_asked_of_the_simulated_phone_or_written_into_its_file_breaks_it(visitor, settings):
    settings.DEBUG, settings.SMS_URL = True, f"file://{visitor.messages}"
    visitor.go_to_verify("HC", "钱思远")
    visitor.post(reverse("staff:send_code"))
    with visitor.messages.open("ab") as file:  # lines that no portal wrote
        file.write(b'not json\n{"to": 1}\n[]\n"text"\nnull\n{"to": null, "text": null, "at": null}\n\n')
        file.write(b'{"to": "1", "text": "2", "at": "2026-01-01"}\n{"to": [], "text": {}, "at": "x"}\n')
        for text in naughty.BY_KIND["markup"]:
            line = {"to": f"<{naughty.MARK}>", "text": text.decode(), "at": "2026-01-01T00:00:00+00:00"}
            file.write(json.dumps(line).encode() + b"\n")
    attack = Attack(visitor)
    where = reverse("simulated_phone")
    attack.each(naughty.some(5), lambda client, value: client.get(where + query(phone=value)), fine=(200,))
    attack.end()
    assert "验证码" in words(visitor.get(where))


@pytest.mark.rule("VAL-03", "OTP-11")
def test_bytes_that_are_no_text_in_the_file_of_messages_leave_the_simulated_phone_working(visitor, settings):
    settings.DEBUG, settings.SMS_URL = True, f"file://{visitor.messages}"
    visitor.messages.write_bytes(b'\xff\xfe\x00\n{"to": "1", "text": "kept", "at": "2026-01-01T00:00:00+00:00"}\n')
    visitor.raise_request_exception = False
    answer = visitor.get(reverse("simulated_phone"))
    assert answer.status_code == 200
    assert "kept" in words(answer)


@pytest.mark.rule("VAL-03", "D17")
def test_a_made_up_ticket_is_worth_nothing(visitor, settings):
    settings.SOCIAL_INSURANCE_SECRET = "s" * 40
    secret = {"authorization": "Bearer " + "s" * 40}
    attack = Attack(visitor)
    redeem = reverse("redeem_ticket")
    ask = lambda client, value: post(client, redeem, {"ticket": value}, headers=secret)  # noqa: E731
    attack.each(naughty.ALL, ask, fine=(410,))
    settings.DEBUG = True
    stand_in = reverse("social_insurance_stand_in")
    attack.each(naughty.some(3), lambda client, value: client.get(stand_in + query(ticket=value)), fine=(400,))
    attack.end()


OPEN = ["/picture/{}.png", "/picture/{}.wav", "/picture/new/{}/", "/{}", "/login/{}", "/static/{}"]
CLOSED = ["/functions/{}/", "/staff/add/{}/", "/staff/members/{}/", "/staff/identities/{}/", "/account/posts/{}/link/"]
CLOSED += ["/capacity/{}/", "/account/posts/{}/leave/"]


@pytest.mark.rule("VAL-03", "CFG-05")
@pytest.mark.parametrize(
    ("name", "patterns"), [("", OPEN), ("钱思远", CLOSED), ("孙雅静", CLOSED)], ids=["visitor", "may", "may not"]
)
def test_nothing_in_the_path_breaks_the_portal_for_who_may_and_for_who_may_not(visitor, name, patterns):
    """More pictures than a minute allows are 429."""
    if name:
        visitor.sign_in_by_password("HC", name)
        SignIn.objects.update(code_at=timezone.now())
    attack = Attack(visitor)
    values = [*SHARP, *naughty.BY_KIND["lines"][:3], *naughty.BY_KIND["bytes"][:3]]
    for pattern in patterns:
        quoted = lambda client, value, p=pattern: client.get(p.format(quote_from_bytes(value, safe="")))  # noqa: E731
        attack.each(values, quoted, fine=(200, 301, 302, 403, 404, 405, 429))
        bare = lambda client, value, p=pattern: client.get(p.format(quote_from_bytes(value)))  # noqa: E731
        attack.each(naughty.BY_KIND["paths"] if pattern in OPEN else (), bare)
    attack.end()


@pytest.mark.rule("VAL-03", "AUZ-07")
@pytest.mark.parametrize(
    "uid",
    ["0", "x" * 36, "{00000000-0000-0000-0000-000000000000}", "00000000-0000-0000-0000-00000000000G", "%00", "٠" * 36],
)
def test_an_address_whose_number_is_none_is_missing(visitor, uid):
    signed_in(visitor)
    for where in ("/account/sign-ins/{}/end/", "/staff/members/{}/remove/", "/staff/identities/{}/save/"):
        assert visitor.post(where.format(uid)).status_code == 404


@pytest.mark.rule("VAL-03", "CAP-01")
def test_a_picture_of_a_token_that_was_changed_by_one_character_is_missing(visitor):
    token = a_picture("ordinary-login")(visitor)["captcha_token"].decode()
    assert visitor.get(reverse("accounts:picture", args=[token])).status_code == 200
    for place in range(0, len(token), 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert visitor.get(reverse("accounts:picture", args=[changed])).status_code == 404, changed


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize("debug", [True, False], ids=["debug", "no debug"])
@pytest.mark.parametrize("where", ["/login", "/handover/redeem", "/account/step-up"])
def test_a_missing_slash_is_no_error(visitor, settings, where, debug):
    settings.DEBUG, visitor.raise_request_exception = debug, False
    answers = {method: visitor.generic(method, where).status_code for method in ("GET", "POST", "PUT", "DELETE")}
    assert set(answers.values()) <= {301, 302, 307, 308, 403, 404, 405}, answers


# --- Every header that is read ---------------------------------------------------------------------------------------


@pytest.mark.rule("VAL-03", "VAL-05")
def test_nothing_a_browser_calls_itself_breaks_the_sign_in_or_the_page_that_shows_it(visitor):
    chosen(visitor)
    attack = Attack(visitor)
    data = {"password": cast.PERSONAL_PASSWORDS["HC", "钱思远"]}

    def ask(client: Client, value: bytes) -> HttpResponse:
        return client.post(reverse("staff:verify_by_password"), data, headers={"user-agent": naughty.header(value)})

    attack.each(
        [*naughty.some(1), *SHARP, *naughty.HUGE[:1]], ask, fine=(302,), undo=True, then=[reverse("accounts:sign_ins")]
    )
    attack.end()


CLAIMS = [b"1.2.3.4:80", b"1.2.3", b"0x7f.1", b"127.1", "١.٢.٣.٤".encode(), b"fe80::1%eth0", b"fe80::1%" + b"a" * 90]
CLAIMS += [b"::1%\x00", b"::1%'; --", b"1.2.3.4, ", b", , ,", b"1.2.3.4\r\n", b"[::1]", b"[::1]:80", b"::ffff:1.2.3.4"]
CLAIMS += [b"for=1.2.3.4", b"unknown", b"1.2.3.4/24", b"::/0", b"0:" * 60, b"1," * 2000]


@pytest.mark.rule("VAL-03", "CFG-04")
def test_nothing_a_proxy_passes_on_is_taken_for_an_address_unless_it_is_one(visitor, settings):
    settings.TRUSTED_PROXIES = 1
    attack = Attack(visitor)
    case = CASES[0]

    def ask(client: Client, value: bytes) -> HttpResponse:
        fields = {**case.data, **case.picture(client)}
        return post(client, case.where, fields, headers={"x-forwarded-for": naughty.header(value)})

    attack.each([*CLAIMS, *SHARP], ask, fine=(400,))
    attack.end()
    seen = set(AuditEntry.objects.filter(kind=Kind.ENTERPRISE_PASSWORD).values_list("ip", flat=True)) - {None}
    assert {str(ip) for ip in seen if "%" in ip or not ipaddress.ip_address(ip)} == set()


@pytest.mark.rule("CFG-04", "D13")
@pytest.mark.parametrize(
    ("trusted", "claim", "seen"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (0, "::1", "127.0.0.1"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.1, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "127.0.0.1"),
    ],
)
def test_of_a_chain_of_proxies_only_the_trusted_ones_are_believed(visitor, settings, trusted, claim, seen):
    settings.TRUSTED_PROXIES = trusted
    fields = {**LOGIN, **a_picture("ordinary-login")(visitor)}
    post(visitor, reverse("login"), fields, headers={"x-forwarded-for": claim})
    assert AuditEntry.objects.latest("seq").ip == seen


@pytest.mark.rule("D13", "CFG-04")
def test_ipv4_visitors_on_a_socket_for_both_families_are_not_all_counted_as_one(rf):
    one, other = (rf.get("/", REMOTE_ADDR=f"::ffff:{ip}") for ip in ("203.0.113.9", "198.51.100.7"))
    counted = [addresses.neighbourhood(addresses.client_ip(request)) for request in (one, other)]
    assert counted[0] != counted[1]


@pytest.mark.rule("VAL-03", "D17")
@pytest.mark.parametrize("secret", ["", "s" * 40])
def test_nothing_but_the_secret_opens_the_check_of_tickets(visitor, settings, secret):
    settings.SOCIAL_INSURANCE_SECRET = secret
    attack = Attack(visitor)
    redeem = reverse("redeem_ticket")

    def ask(client: Client, value: bytes) -> HttpResponse:
        return client.post(redeem, {"ticket": "x"}, headers={"authorization": naughty.header(value)})

    close = [b"Bearer", b"Bearer ", b"Bearer  " + b"s" * 40, b"bearer " + b"s" * 40, b"Bearer " + b"s" * 39]
    attack.each([*naughty.ALL, *naughty.HUGE, *close, b"Bearer " + b"s" * 39 + b"\xc5\xbf"], ask, fine=(401,))
    attack.end()


JARS = [
    b"=",
    b";;;;",
    b"session",
    b"session=; browser=; csrf=",
    b"session=a; session=b",
    b'session="unended',
    b"$Version=1; $Path=/; session=x",
    b"__Host-session=x; __Host-csrf=y",
    b"session=" + b"a" * 100_000,
    b"a=b; " * 20_000,
]


@pytest.mark.rule("VAL-03", "SES-01")
@pytest.mark.parametrize("name", ["session", "browser", "csrf"])
@pytest.mark.parametrize("form", ["bare", "quoted"])
def test_no_cookie_breaks_the_portal_or_signs_anybody_in(visitor, name, form):
    attack = Attack(visitor)

    def ask(client: Client, value: bytes) -> HttpResponse:
        text = naughty.header(value)
        jar = f"{name}={SimpleCookie().value_encode(text)[1] if form == 'quoted' else text}"
        assert client.get(reverse("home"), HTTP_COOKIE=jar).status_code == 302
        return client.post(reverse("login"), {"code": "x"}, HTTP_COOKIE=jar)

    attack.each([*naughty.some(1), *naughty.BY_KIND["control"][:4]], ask, fine=(400,))
    attack.end()


@pytest.mark.rule("VAL-03", "D13")
def test_no_jar_of_cookies_breaks_the_portal(visitor):
    attack = Attack(visitor)
    ask = lambda client, value: client.get(reverse("login"), HTTP_COOKIE=naughty.header(value))  # noqa: E731
    attack.each(JARS, ask, fine=(200,))
    attack.end()


@pytest.mark.rule("D13")
def test_a_forged_browser_cookie_gets_no_count_of_its_own(visitor):
    data = {**LOGIN, "code": cast.CODES["HC"].encode()}
    for number in range(6):
        fields = {**data, **a_picture("ordinary-login")(visitor)}
        jar = f"csrf={visitor.cookies['csrf'].value}; browser=forged{number}"
        assert post(visitor, reverse("login"), fields, HTTP_COOKIE=jar).status_code == 400
    assert list(Throttle.objects.filter(key__startswith="password:").values_list("count", flat=True)) == [5]


HEADERS = ["referer", "origin", "accept-language", "accept", "x-requested-with", "forwarded", "x-forwarded-proto"]
HEADERS += ["x-forwarded-host", "if-none-match", "if-modified-since", "range", "accept-encoding"]


@pytest.mark.rule("VAL-03", "CFG-05")
@pytest.mark.parametrize("header", HEADERS)
def test_no_other_header_breaks_a_page_or_a_file(visitor, header):
    attack = Attack(visitor)
    own = [
        b"bytes=0-",
        b"bytes=9-1",
        b"bytes=99999999-",
        b"bytes=-99999999",
        b"bytes=0-0,2-3",
        b"bytes=a-b",
        b"gzip;q=x",
    ]
    own += [b"Mon, 99 Foo 2026 00:00:00 GMT", b"Thu, 01 Jan 0001 00:00:00 GMT", b'W/"', b"*"]
    file = lambda client, value: client.get("/static/css/base.css", headers={header: naughty.header(value)})  # noqa: E731
    attack.each([*own, *naughty.some(1)], file, fine=(200, 206, 304, 416))
    page = lambda client, value: client.get("/login/", headers={header: naughty.header(value)})  # noqa: E731
    attack.each([*own, *SHARP], page, fine=(200,))
    attack.end()


@pytest.mark.rule("VAL-03", "OTP-11")
def test_no_made_up_host_is_answered(visitor):
    attack = Attack(visitor)
    hosts = [value for value in naughty.ALL if value.strip()]
    hosts += [
        b"127.0.0.1.evil.example",
        b"evil.example:80",
        b"127.0.0.1@evil.example",
        b"[::1",
        b"2130706433",
        b"0.0.0.0",
    ]
    ask = lambda client, value: client.get("/login/", HTTP_HOST=naughty.header(value))  # noqa: E731
    attack.each(hosts, ask, fine=(400,))
    attack.end()


# --- Through the real door: what may go wrong before the first middleware ---------------------------------------------


def through_the_door(method: str, where: str, body: bytes, kind: str, **extra) -> tuple[int, dict[str, str]]:
    """Status and headers of a request to `etax.wsgi`, the way a server sends it."""
    told: list[tuple[str, list[tuple[str, str]]]] = []
    path, _, parameters = where.partition("?")
    environ = {
        **RequestFactory()._base_environ(),  # a request made by the factory itself might break before it is sent
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": parameters,
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **extra,
    }
    for signal in (request_started, request_finished):  # a test's transaction needs its connection
        signal.disconnect(close_old_connections)
    try:
        response = application(environ, lambda status, headers, *_: told.append((status, headers)))
        assert b"".join(response)
        response.close()
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
    return int(told[0][0][:3]), dict(told[0][1])


CHARSETS = ["rot13", "hex", "zlib", "undefined", "idna", "punycode", "utf-7", "unicode_escape", "raw_unicode_escape"]
CHARSETS += ["gbk", "utf-16", "cp037", "mbcs", "nothing", "", '"', "utf-8\x00", "a" * 5000]


@pytest.mark.rule("VAL-03", "CFG-06")
@pytest.mark.parametrize("charset", CHARSETS, ids=ascii)
def test_a_made_up_character_set_is_refused_or_ignored(world, charset):
    """Some turn bytes into what can't be written down again; some can't be used for text at all."""
    code = b'--x\r\nContent-Disposition: form-data; name="code"\r\n\r\n\\ud800+2AA-\r\n--x--\r\n'
    asked = [
        ("GET", "/login/?next=%5Cud800%2B2AA-", b"", "text/plain"),
        ("GET", "/nowhere/?a=1", b"", "text/plain"),
        ("GET", "/static/css/base.css?a=1", b"", "text/plain"),
        ("POST", "/login/", b"code=%5Cud800", FORM),
        ("POST", "/login/", code, "multipart/form-data; boundary=x"),
        ("POST", "/handover/redeem/", code, "multipart/form-data; boundary=x"),
    ]
    faults = {}
    for method, where, body, kind in asked:
        try:
            status, headers = through_the_door(method, where, body, f"{kind}; charset={charset}")
            if status >= 500 or "X-Request-ID" not in headers:
                faults[method, where, kind] = str(status)
        except Exception as error:
            faults[method, where, kind] = f"raised {type(error).__name__}"
    assert faults == {}


@pytest.mark.rule("VAL-03", "CFG-06")
@pytest.mark.parametrize("label", ["boundary*=nothing''x", "boundary*=undefined''x", "charset*=nothing''x"])
def test_a_label_that_cannot_be_read_is_refused(world, label):
    status, headers = through_the_door("POST", "/login/", b"--x--", f"multipart/form-data; {label}")
    assert status == 400
    assert "X-Request-ID" in headers


@pytest.mark.rule("VAL-03", "CFG-06")
@pytest.mark.parametrize("charset", ["unicode_escape", "utf-7"])
@pytest.mark.parametrize("field", ["password", "captcha", "captcha_token", "code", "capacity"])
def test_half_a_character_smuggled_in_by_a_character_set_breaks_no_field(visitor, field, charset):
    half = b"+2AA-" if charset == "utf-7" else b"\\ud800"
    pictured = a_picture("ordinary-login")(visitor)
    secret = visitor.cookies["csrf"].value
    fields = {**LOGIN, **pictured, "csrfmiddlewaretoken": secret.encode(), field: half}
    part = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n'
    body = b"".join(part.format(name).encode() + value + b"\r\n" for name, value in fields.items()) + b"--x--\r\n"
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    status, headers = through_the_door("POST", reverse("login"), body, kind, HTTP_COOKIE=f"csrf={secret}")
    assert status in (400, 403, 409, 415)
    assert "X-Request-ID" in headers


@pytest.mark.rule("VAL-03", "CFG-06")
@pytest.mark.parametrize("kind", ["text/plain", "text/plain; charset=utf-8", "application/json; charset=utf-8"])
def test_too_many_parameters_are_refused_however_the_request_is_labelled(world, kind):
    many = "&".join(f"a{number}=1" for number in range(500))
    status, headers = through_the_door("GET", f"/login/?{many}", b"", kind)
    assert status in (200, 400)
    assert "X-Request-ID" in headers


@pytest.mark.rule("VAL-03")
@pytest.mark.parametrize("length", ["-1", "abc", "", "1e3", "٣", "9" * 30, " 5", "+5", "0x5"], ids=ascii)
def test_a_made_up_length_is_refused_or_ignored(world, length):
    for kind in (FORM, "multipart/form-data; boundary=x"):
        status, headers = through_the_door("POST", "/login/", b"code=a", kind, CONTENT_LENGTH=length)
        assert status < 500, kind
        assert "X-Request-ID" in headers


# --- What is kept, and where it comes out again --------------------------------------------------------------------


@pytest.mark.rule("VAL-05")
def test_names_out_of_the_register_come_out_escaped_on_every_page(visitor, other_visitor):
    """The register is another system's: its names are shown, never obeyed."""
    signed_in(visitor)
    hostile = f"<{naughty.MARK}>\"'&{{{{1151*1159}}}}</title>"
    Taxpayer.objects.filter(pk=cast.taxpayer("HC").pk).update(name=hostile)
    people = [cast.person(name) for name in ("钱思远", "孙雅静", "何晨曦")]
    Person.objects.filter(pk__in=[person.pk for person in people]).update(name=hostile)
    Identity.objects.filter(taxpayer=cast.taxpayer("HC"), name="查询员").update(name=hostile[:50], description=hostile)
    shown = []
    names = ["home", "accounts:sign_ins", "staff:operations", "staff:step_up", "agreement", MEMBERS, "staff:identities"]
    names += ["staff:authorisations", "staff:synchronise", "staff:change_password", "staff:search_candidate"]
    names += [CHANGES, "staff:register_posts", "staff:change_finance", "staff:declaration", "staff:declaration_firms"]
    pages = [reverse(name) for name in names]
    pages += [reverse(name, args=[a_member()]) for name in (MEMBER, "staff:freeze", "staff:change_rights")]
    identity = Identity.objects.get(taxpayer=cast.taxpayer("HC"), description=hostile).uid
    pages += [reverse(name, args=[identity]) for name in ("staff:identity", "staff:delete_identity")]
    pages.append(reverse("staff:function", args=["tax.invoice.issue"]))
    for where in pages:
        answer = visitor.get(where)
        assert what_is_wrong(answer, fine=(200,)) == "", where
        shown += [where] * (f"<{naughty.MARK}>" in unescape(answer.content.decode()))
    other_visitor.give_enterprise_password("HC")
    assert what_is_wrong(other_visitor.get(reverse("staff:choose_person")), fine=(200,)) == ""
    assert len(shown) > len(pages) / 2


@pytest.mark.rule("VAL-05", "LOG-06", "OTP-13")
def test_a_firms_name_cannot_write_lines_into_the_messages_of_the_phone(visitor, settings):
    settings.DEBUG, settings.SMS_URL = True, f"file://{visitor.messages}"
    evil = '海川"}\n{"to": "19900000001", "text": "chosen"}\r\n\x1b[2J<xyzzy>'
    Taxpayer.objects.filter(pk=cast.taxpayer("HC").pk).update(name=evil)
    visitor.go_to_verify("HC", "钱思远")
    visitor.post(reverse("staff:send_code"))
    assert len(visitor.messages.read_bytes().splitlines()) == 1
    assert visitor.texts_to("19900000001") == []
    assert what_is_wrong(visitor.get(reverse("simulated_phone")), fine=(200,)) == ""


@pytest.mark.rule("LOG-06", "LOG-01")
@pytest.mark.parametrize("value", naughty.BY_KIND["lines"], ids=ascii)
def test_line_ends_and_escape_sequences_make_no_second_entry_and_no_second_line(visitor, caplog, value):
    text = naughty.header(value)
    logger = logging.getLogger("django")
    written = logger.handlers[0].format
    logger.addHandler(caplog.handler)
    client = Attack(visitor).client
    try:
        before = AuditEntry.objects.count()
        code = UNKNOWN.encode()[:9] + value + UNKNOWN.encode()[9:]
        fields = {**LOGIN, **a_picture("ordinary-login")(client), "code": code}
        post(client, reverse("login"), fields, headers={"user-agent": text, "referer": text})
        assert AuditEntry.objects.count() - before <= 1
        where = quote_from_bytes(value, safe="")
        client.get(f"/{where}", headers={"user-agent": text})
        client.get(f"/picture/{where}.png?a={where}")
        client.get("/login/", headers={"host": text})
        client.post(f"/{where}/", headers={"x-csrftoken": text})
        Client(enforce_csrf_checks=True).post(f"/{where}", headers={"referer": text})
    finally:
        logger.removeHandler(caplog.handler)
    assert caplog.records
    for line in caplog.records:
        line.exc_info = line.exc_text = None
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", written(line)), ascii(written(line))


@pytest.mark.rule("LOG-06", "VAL-05")
def test_what_is_written_into_the_record_is_one_entry_that_reads_as_it_was_typed(visitor):
    """Whoever may not, asks for pages whose names hold line ends and marks: each refusal is one entry."""
    visitor.sign_in_by_password("HC", "孙雅静")
    attack = Attack(visitor)
    before = AuditEntry.objects.count()
    values = [*naughty.BY_KIND["lines"][:4], *naughty.BY_KIND["markup"][:3], *naughty.BY_KIND["control"][:3]]
    values = [value for value in values if b"/" not in value]
    ask = lambda client, value: client.get(f"/staff/add/{quote_from_bytes(value)}/")  # noqa: E731
    attack.each(values, ask, fine=(403, 404), then=[reverse("staff:operations")])
    attack.end()
    entries = AuditEntry.objects.filter(kind=Kind.ACT_REFUSED)
    assert AuditEntry.objects.count() - before == entries.count()
    assert entries.count() <= len(values)


@pytest.mark.rule("D13", "VAL-02")
def test_every_way_of_writing_one_number_is_one_number(visitor):
    ways = [
        "91210103MA0HC00241",
        " 9121 0103 ma0h c002 41 ",
        "９１２１０１０３ＭＡ０ＨＣ００２４１",
        "9121-0103-MA0HC-00241",
        f"9121{naughty.INVISIBLE}0103MA0HC00241",
        "\u202e91210103MA0HC00241\u202c",
        "𝟗𝟏𝟐𝟏𝟎𝟏𝟎𝟑𝐌𝐀𝟎𝐇𝐂𝟎𝟎𝟐𝟒𝟏",
    ]
    assert {numbers.fold(way) for way in ways} == {UNKNOWN}
    for way in ways:
        fields = {**LOGIN, **a_picture("ordinary-login")(visitor), "code": way.encode()}
        assert post(visitor, reverse("login"), fields).status_code == 400
    assert Throttle.objects.filter(key__startswith="password:").count() == 1
    assert UsedPicture.objects.count() == len(ways)
