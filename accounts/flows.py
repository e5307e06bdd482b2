"""The flow engine: a login of several steps as a table of steps, each of which establishes one fact (FLOW-01).

The position is derived: it is the first step whose fact is missing. Facts are ids and words, never secrets; they live
in the visitor's session under one key, with an id and a start time. Going back drops later facts, ten minutes after
the start, or what the flow says, it begins again. Whoever establishes a fact that proves something changes the
session's id (SES-02).
"""

import functools
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts import sealing
from accounts.limits import FLOW_LIFE
from accounts.requests import Request
from accounts.words import Words

_SESSION_KEY = "flow"
_OVER = gettext_lazy("登录已超过10分钟或尚未开始，请重新登录。")
_SIGNED_IN = gettext_lazy("您已登录，无需再次验证。需要换人或换企业登录的，请先退出。")
_ANOTHER = gettext_lazy("刚才提交的页面属于之前的一次办理，系统没有处理。请核对本页的企业和人员，再继续。")
P = ParamSpec("P")


class Lost(Exception):
    """What a passage has written down sealed can't be read any more: its key was taken away meanwhile."""


@dataclass(frozen=True, slots=True)
class Step:
    """One page of a flow and the fact it establishes."""

    url_name: str
    fact: str


@dataclass(frozen=True, slots=True)
class Flow:
    """A login in steps. The first step's page is open to everybody and begins it; after `life` it begins again.

    Who has come in by a flow that `signs_in` needs no other passage through it.
    """

    name: str
    steps: tuple[Step, ...]
    life: timedelta = FLOW_LIFE
    over: Words = _OVER
    """What is said when it isn't under way, or not any more."""
    signs_in: bool = False

    def begin(self, request: HttpRequest) -> "Progress":
        """A new passage through this flow; whatever was under way in this browser is forgotten."""
        request.session[_SESSION_KEY] = {
            "flow": self.name,
            "id": uuid.uuid4().hex,
            "started_at": timezone.now().isoformat(),
            "facts": {},
        }
        return Progress(self, request)

    def under_way(self, request: HttpRequest) -> "Progress | None":
        """The passage under way in this browser, or None when there is none or its time is over."""
        state = request.session.get(_SESSION_KEY)
        if not isinstance(state, dict) or state.get("flow") != self.name:
            return None
        if not _is_whole(state) or timezone.now() - datetime.fromisoformat(state["started_at"]) > self.life:
            del request.session[_SESSION_KEY]
            return None
        return Progress(self, request)


def _is_whole(state: dict[str, Any]) -> bool:
    """Whether a state has all that a passage needs: another release may have written it."""
    try:
        started_at = datetime.fromisoformat(state["started_at"])
    except (KeyError, TypeError, ValueError):
        return False
    return started_at.tzinfo is not None and isinstance(state.get("facts"), dict) and isinstance(state.get("id"), str)


class Progress:
    """One passage through a flow, read from and written to the visitor's session."""

    def __init__(self, flow: Flow, request: HttpRequest) -> None:
        self.flow = flow
        self._session = request.session
        self._state: dict[str, Any] = request.session[_SESSION_KEY]

    @property
    def id(self) -> str:
        """The passage's own id: SMS codes are bound to it."""
        return str(self._state["id"])

    def get(self, fact: str) -> str:
        """An established fact. Raises KeyError when it isn't there."""
        return str(self._state["facts"][fact])

    def has(self, fact: str) -> bool:
        """Whether the fact is established."""
        return fact in self._state["facts"]

    def establish(self, fact: str, value: str) -> None:
        """Write the fact down and drop all later ones."""
        order = [step.fact for step in self.flow.steps]
        later = set(order[order.index(fact) + 1 :]) if fact in order else set()
        facts = {name: kept for name, kept in self._state["facts"].items() if name not in later}
        self._state["facts"] = {**facts, fact: value}
        self._session.modified = True

    def establish_sealed(self, fact: str, value: str, *, place: str) -> None:
        """As `establish`, for what a session that is read by somebody else mustn't tell (D27)."""
        self.establish(fact, sealing.seal(value, place=place))

    def unsealed(self, fact: str, *, place: str) -> str:
        """An established fact that was sealed. Raises KeyError when it isn't there; `Lost`, which begins anew."""
        try:
            return sealing.unseal(self.get(fact), place=place)
        except sealing.SealBroken as error:
            raise Lost from error

    @property
    def next_url_name(self) -> str | None:
        """Where the first missing fact is established; None when all are there."""
        return next((step.url_name for step in self.flow.steps if not self.has(step.fact)), None)

    def go_on(self) -> HttpResponseRedirect:
        """To the page of the first missing fact."""
        return redirect(self.next_url_name or self.flow.steps[-1].url_name)

    def forget(self) -> None:
        """End the passage: it led to a sign-in, or nowhere."""
        self._session.pop(_SESSION_KEY, None)


StepView = Callable[Concatenate[Request, Progress, P], HttpResponse]


def _begin_again(request: Request, flow: Flow) -> HttpResponse:
    """To the first page, and why; home for who has come back, by the browser's way, to how he signed in."""
    if flow.signs_in and request.actor.sign_in is not None:
        messages.info(request, str(_SIGNED_IN))
        return redirect("home")
    messages.info(request, str(flow.over))
    return redirect(flow.steps[0].url_name)


def step(
    flow: Flow, fact: str, *, post_only: bool = False
) -> Callable[[StepView[P]], Callable[Concatenate[Request, P], HttpResponse]]:
    """Open a step's view only when every earlier fact is there; else lead to the first that is missing.

    The view gets the passage as its second argument. A form that was shown in another passage of this browser, in
    another window, is not taken: what it says would be done for whom it didn't mean (D14). One that is `post_only`
    leads on whoever opens its address in another way: a phone does so by itself when its owner comes back from reading
    the code.
    """
    order = [s.fact for s in flow.steps]
    needed = order[: order.index(fact)]

    def decorate(view: StepView[P]) -> Callable[Concatenate[Request, P], HttpResponse]:
        @functools.wraps(view)
        def guarded(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            progress = flow.under_way(request)
            if progress is None:
                return _begin_again(request, flow)
            request.passage = progress.id
            if request.POST.get("passage", progress.id) != progress.id:
                messages.error(request, str(_ANOTHER))
                return progress.go_on()
            is_led_on = post_only and request.method != "POST"
            if is_led_on or not all(progress.has(earlier) for earlier in needed):
                return progress.go_on()
            try:
                return view(request, progress, *args, **kwargs)
            except Lost:
                progress.forget()
                return _begin_again(request, flow)

        return guarded

    return decorate
