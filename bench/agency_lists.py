"""How fast the lists between agencies and clients open: `python bench/agency_lists.py [--database postgres]`.

Two agencies stand in a new database, one with 10 engagements and one with 5,000. In each the legal representative opens
委托关系管理 and a handler his 委托企业 (10 of the small agency's, 300 of the large one's); both look deep in their
lists as well.

Pages are of ten rows here, so that both agencies' show as much. All are asked for in turn, round by round, in one
process; a ratio is the median of the rounds' own ratios.

Goals: no page of the large agency takes more than 1.5 times that of the small one, nor more queries; the
search among all of its clients, which looks at each of them, is shown, but no goal is set for it.
"""

import argparse
import functools
import re
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from staff_page import portal

SIZES = (10, 5_000)
HANDLED = 300
FLATTEST = 1.5
SEARCH = "search 第1"
ROW = re.compile(rb"<tr>")


@dataclass(slots=True)
class Page:
    """One address, asked for over and over; times are milliseconds."""

    kind: str
    size: int
    get: Callable[[], Any]
    queries: int = 0
    times: list[float] = field(default_factory=list)

    def warm_up(self) -> None:
        """Ask for it twice, count its queries, and make sure that it has rows."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        self.get()
        with CaptureQueriesContext(connection) as queries:
            response = self.get()
        self.queries = len(queries)
        if response.status_code != 200 or len(ROW.findall(response.content)) < 8:
            sys.exit(f"{self.kind} of {self.size}: status {response.status_code}, too few rows")

    def open(self) -> None:
        """Ask for it once, and note how long it took."""
        started = time.perf_counter()
        self.get()
        self.times.append((time.perf_counter() - started) * 1000)


def build(size: int, first: int) -> list[Page]:
    """An agency of so many engagements, and the pages that its people open."""
    from django.utils import timezone
    from staff_page_world import _build_firm

    from accounts import passwords
    from accounts.models import Taxpayer
    from agencies.models import Engagement, Handler
    from staff import standing
    from staff.models import Identity, Membership

    firm = _build_firm(first, 10, first=first * 100_000)
    agency = firm.taxpayer
    agency.kind = Taxpayer.Kind.AGENCY
    agency.save(update_fields=["kind"])
    people = (each.person for each in Membership.objects.filter(taxpayer=agency).order_by("-pk"))
    handler = next(each for each in people if standing.of_person(each, agency).problem is None and each != firm.lead)
    credential = passwords.store(None, passwords.hash_new("Handler-2026-ok"))
    Membership.objects.filter(taxpayer=agency, person=handler).update(credential=credential)
    since = timezone.now() - timedelta(days=90)
    clients = Taxpayer.objects.bulk_create(
        [
            Taxpayer(code=f"{first}{number:014}", name=f"大连第{number}商贸有限公司", opened_at=since)
            for number in range(size)
        ],
        batch_size=1000,
    )
    lent = Identity.objects.bulk_create([Identity(taxpayer=each, name="代理") for each in clients], batch_size=1000)
    agreed = {"agency": agency, "valid_from": since.date(), "proposed_at": since, "recognised_at": since}
    made = Engagement.objects.bulk_create(
        [Engagement(client=each, identity=what, **agreed) for each, what in zip(clients, lent, strict=True)],
        batch_size=1000,
    )
    step = max(1, size // HANDLED)
    named = made[::step][:HANDLED]
    Handler.objects.bulk_create([Handler(engagement=each, person=handler) for each in named], batch_size=1000)
    key, own_key = made[int(size * 0.9)].pk, named[int(len(named) * 0.9)].pk
    managing, handling = "/agencies/engagements/", "/agencies/clients/"
    lead_in, handler_in = signed_in(agency, firm.lead), signed_in(agency, handler)
    kinds = {
        "first page": (lead_in, managing),
        "deep in the list": (lead_in, f"{managing}?before={key + 1}"),
        "handler, first page": (handler_in, handling),
        "handler, deep": (handler_in, f"{handling}?before={own_key + 1}"),
        SEARCH: (lead_in, f"{managing}?search=第"),
        "recognised ones": (lead_in, f"{managing}?state=recognised"),
    }
    return [Page(kind, size, functools.partial(who.get, where)) for kind, (who, where) in kinds.items()]


def signed_in(agency: Any, person: Any) -> Any:
    """A browser in which this person is signed in for the agency, proven by a code just now."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib import auth
    from django.http import HttpRequest
    from django.test import Client
    from django.test.utils import override_settings
    from django.utils import timezone

    from accounts import signins
    from accounts.actor import Actor
    from accounts.models.signins import Proof

    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore()
    with override_settings(DEBUG=True):  # the phone is a file, which is for DEBUG alone (OTP-11)
        signins.start(
            request,
            person=person,
            taxpayer=agency,
            proof=Proof.ENTERPRISE_SMS,
            enterprise=agency.credential,
            personal=None,
            code_at=timezone.now(),
            by=Actor(ip="127.0.0.1"),
        )
    request.session.save()
    assert request.session[auth.SESSION_KEY] == str(person.pk)
    client = Client(SERVER_NAME="127.0.0.1")
    client.cookies[settings.SESSION_COOKIE_NAME] = request.session.session_key
    return client


def ratio(page: Page, small: Page) -> float:
    """How many times as long as the small one it took, in the median round."""
    return statistics.median(mine / other for mine, other in zip(page.times, small.times, strict=True))


def judge(found: list[Page]) -> bool:
    """Show all pages; whether every goal is met."""
    small = {page.kind: page for page in found if page.size == SIZES[0]}
    met = True
    print(f"{'page':<22} {'engagements':>11} {'queries':>7} {'median ms':>9} {'ratio':>6}")
    for page in sorted(found, key=lambda each: (each.kind, each.size)):
        times = ratio(page, small[page.kind])
        print(f"{page.kind:<22} {page.size:>11,} {page.queries:>7} {statistics.median(page.times):>9.1f} {times:>6.2f}")
        if page.kind != SEARCH and (times > FLATTEST or page.queries > small[page.kind].queries):
            print(f"MISSED: {page.kind} of {page.size:,}")
            met = False
    return met


def main() -> int:
    """0 when every goal is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    with portal(options.database):
        from agencies.views import clients, engagements

        clients.PAGE_SIZE = engagements.PAGE_SIZE = SIZES[0]
        found = [page for number, size in enumerate(SIZES, 1) for page in build(size, number)]
        if options.database == "postgres":
            from django.db import connection

            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")
        for page in found:
            page.warm_up()
        for _ in range(options.rounds):
            for page in found:
                page.open()
        return 0 if judge(found) else 1


if __name__ == "__main__":
    sys.exit(main())
