"""A login in steps: facts come in order, go with what came before, and last for ten minutes (FLOW-01, 02, 07)."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from accounts import flows
from accounts.flows import Flow, Step
from accounts.limits import FLOW_LIFE
from tests import cast

# The addresses are real ones, the facts are made up.
FLOW = Flow("three", (Step("login", "first"), Step("home", "second"), Step("agreement", "third")))
OTHER = Flow("other", (Step("login", "first"),))
KEY = flows._SESSION_KEY


@pytest.fixture
def request_of(rf, db):
    """A request of a visitor's browser; with a session, the same browser again."""

    def made(session: SessionStore | None = None):
        request = rf.get("/")
        request.session = session or SessionStore()
        request._messages = FallbackStorage(request)
        return request

    return made


@pytest.fixture
def request_(request_of):
    """A request of somebody who has been nowhere yet."""
    return request_of()


def opened(request, fact: str) -> HttpResponse:
    """What a step's page answers: 200 with the passage's id, or where else it leads."""

    @flows.step(FLOW, fact)
    def view(request, progress):
        return HttpResponse(progress.id)

    return view(request)


@pytest.mark.rule("FLOW-01")
def test_the_next_page_is_the_one_of_the_first_fact_that_is_missing(request_):
    progress = FLOW.begin(request_)
    for fact, page in (("first", "login"), ("second", "home"), ("third", "agreement")):
        assert progress.next_url_name == page
        assert progress.go_on().url == reverse(page)
        progress.establish(fact, f"the {fact}")
        assert progress.get(fact) == f"the {fact}"
    assert progress.next_url_name is None
    assert progress.go_on().url == reverse("agreement")


@pytest.mark.rule("FLOW-01", "FLOW-07")
def test_going_back_drops_all_later_facts_and_keeps_the_earlier(request_):
    progress = FLOW.begin(request_)
    for fact in ("first", "second", "third"):
        progress.establish(fact, "old")
    progress.establish("second", "new")
    assert (progress.get("first"), progress.get("second")) == ("old", "new")
    assert not progress.has("third")
    assert progress.next_url_name == "agreement"
    with pytest.raises(KeyError):
        progress.get("third")


@pytest.mark.rule("FLOW-01")
def test_a_fact_beside_the_steps_drops_none(request_):
    progress = FLOW.begin(request_)
    progress.establish("first", "a")
    progress.establish("second", "b")
    progress.establish("beside", "c")
    assert [progress.get(fact) for fact in ("first", "second", "beside")] == ["a", "b", "c"]


@pytest.mark.rule("FLOW-01")
def test_the_facts_are_read_again_at_the_next_request(request_, request_of):
    progress = FLOW.begin(request_)
    progress.establish("first", "a")
    request_.session.save()
    again = FLOW.under_way(request_of(SessionStore(request_.session.session_key)))
    assert again.id == progress.id
    assert again.get("first") == "a"
    again.establish("second", "b")
    again._session.save()
    third = FLOW.under_way(request_of(SessionStore(request_.session.session_key)))
    assert third.get("second") == "b"


@pytest.mark.rule("FLOW-01")
def test_every_passage_has_an_id_of_its_own_and_begins_with_nothing(request_):
    first = FLOW.begin(request_)
    first.establish("first", "a")
    second = FLOW.begin(request_)
    assert second.id != first.id
    assert len(second.id) == 32
    assert not second.has("first")


@pytest.mark.rule("FLOW-01")
@pytest.mark.parametrize(("late_by", "goes_on"), [(timedelta(seconds=-1), True), (timedelta(seconds=1), False)])
def test_a_passage_is_over_ten_minutes_after_its_start_whatever_happened_in_it(request_, late_by, goes_on):
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        FLOW.begin(request_).establish("first", "a")
    with time_machine.travel(start + timedelta(minutes=9), tick=False):
        FLOW.under_way(request_).establish("second", "b")
    with time_machine.travel(start + FLOW_LIFE + late_by, tick=False):
        assert (FLOW.under_way(request_) is not None) is goes_on
        assert (KEY in request_.session) is goes_on
    assert timedelta(minutes=10) == FLOW_LIFE


@pytest.mark.rule("FLOW-01")
def test_beginning_another_login_ends_the_one_under_way(request_):
    FLOW.begin(request_).establish("first", "a")
    OTHER.begin(request_)
    assert FLOW.under_way(request_) is None
    assert OTHER.under_way(request_) is not None


@pytest.mark.rule("FLOW-01")
def test_facts_of_one_login_are_worth_nothing_in_another(request_):
    OTHER.begin(request_).establish("first", "a")
    assert FLOW.under_way(request_) is None
    assert opened(request_, "second").url == reverse("login")


@pytest.mark.rule("FLOW-02")
def test_a_passage_belongs_to_the_browser_it_was_begun_in(request_, request_of):
    FLOW.begin(request_).establish("first", "a")
    assert FLOW.under_way(request_of()) is None


def test_a_forgotten_passage_is_gone_and_may_be_forgotten_twice(request_):
    progress = FLOW.begin(request_)
    progress.forget()
    assert FLOW.under_way(request_) is None
    progress.forget()


@pytest.mark.parametrize("garbage", [None, "", "x", 7, [], ["flow"], {}, {"flow": "unknown"}, {"id": "x"}], ids=repr)
def test_garbage_in_the_session_is_no_passage(request_, garbage):
    request_.session[KEY] = garbage
    assert FLOW.under_way(request_) is None
    assert opened(request_, "second").url == reverse("login")


# The pages of the steps


@pytest.mark.rule("FLOW-01")
def test_a_page_opens_once_every_earlier_fact_is_there(request_):
    progress = FLOW.begin(request_)
    assert opened(request_, "first").content == progress.id.encode()
    assert opened(request_, "second").url == reverse("login")
    assert opened(request_, "third").url == reverse("login")
    progress.establish("first", "a")
    assert opened(request_, "second").status_code == 200
    assert opened(request_, "third").url == reverse("home")
    progress.establish("second", "b")
    assert opened(request_, "third").status_code == 200


@pytest.mark.rule("FLOW-01")
def test_a_later_fact_without_an_earlier_one_opens_nothing(request_):
    FLOW.begin(request_).establish("second", "b")
    assert opened(request_, "third").url == reverse("login")


@pytest.mark.rule("FLOW-01", "FLOW-07")
def test_without_a_passage_every_page_leads_to_the_start_and_says_why(request_):
    for fact in ("first", "second", "third"):
        assert opened(request_, fact).url == reverse("login")
    assert "登录已超过10分钟或尚未开始，请重新登录。" in {str(message) for message in get_messages(request_)}


def test_a_page_of_a_fact_that_the_login_does_not_have_is_a_mistake_at_once():
    with pytest.raises(ValueError, match="fourth"):
        flows.step(FLOW, "fourth")


# Through the doors


@pytest.mark.rule("FLOW-01", "FLOW-07")
def test_after_ten_minutes_the_ordinary_login_begins_again(visitor):
    visitor.go_to_verify("HC", "钱思远")
    assert visitor.get(reverse("staff:verify_by_sms")).status_code == 200
    with time_machine.travel(timezone.now() + FLOW_LIFE + timedelta(seconds=5)):
        assert visitor.get(reverse("staff:verify_by_sms")).url == reverse("login")
        assert visitor.post(reverse("staff:send_code")).url == reverse("login")
    assert visitor.texts_to(cast.PHONES["钱思远"]) == []


@pytest.mark.rule("FLOW-02")
def test_another_browser_is_not_let_into_a_passage(visitor, other_visitor):
    visitor.go_to_verify("HC", "钱思远")
    for page in ("staff:choose_person", "staff:verify_by_sms", "staff:verify_by_password", "staff:set_password"):
        assert other_visitor.get(reverse(page)).url == reverse("login")


@pytest.mark.rule("SES-02", "FLOW-01")
def test_the_right_first_factor_gives_the_session_a_new_id(visitor):
    visitor.give_enterprise_password("HC")
    first = visitor.session.session_key
    visitor.give_enterprise_password("HC")
    assert visitor.session.session_key != first
    assert not SessionStore().exists(first)
