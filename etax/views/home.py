"""首页: what needs doing, and the functions held."""

from dataclasses import dataclass

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.acting import open_while_acting
from accounts.actor import Actor
from accounts.pages import page
from accounts.requests import Request
from agencies import home as agencies_home
from staff import functions, lacking, standing
from staff import home as staff_home
from staff.home import due_of, old_passwords


@dataclass(frozen=True, slots=True)
class Greeting:
    """The words at the top: time of day, name, capacity."""

    text: str

    @classmethod
    def of(cls, actor: Actor) -> "Greeting":
        """早上好 until eleven, 中午好 until thirteen, 下午好 until eighteen, then 晚上好."""
        hour = timezone.localtime().hour
        words = ((11, _("早上好")), (13, _("中午好")), (18, _("下午好")), (24, _("晚上好")))
        word = next(word for until, word in words if hour < until)
        name = actor.person.name if actor.person else ""
        return cls(_("%(word)s，%(name)s") % {"word": word, "name": name})


@require_safe
@open_while_acting
def home(request: Request) -> HttpResponse:
    """Greeting with capacity, what needs doing, then a tile for each function held, grouped as the tree."""
    actor = request.actor
    if actor.taxpayer is None:
        standings = standing.of_capacities(actor.person) if actor.person else []
        context = {"greeting": Greeting.of(actor), "standings": standings, "due": old_passwords(actor)}
        return page(request, "home_person.html", context)
    due = [
        *due_of([*staff_home.matters_of(actor), *agencies_home.matters_of(actor)], actor.taxpayer),
        *old_passwords(actor),
    ]
    context = {
        "greeting": Greeting.of(actor),
        "branches": functions.menu(actor.functions),
        "functions_key": functions.key_of(actor.functions),
        "due": due,
        "operations_url": reverse("staff:operations"),
    }
    if not actor.functions and actor.via is None:
        context["why_nothing"] = lacking.why_nothing(actor)
    return page(request, "home.html", context)


@require_safe
@login_not_required
def agreement(request: Request) -> HttpResponse:
    """What is agreed to at sign-in (M13)."""
    return page(request, "agreement.html")
