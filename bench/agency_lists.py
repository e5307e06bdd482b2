"""How fast the lists between agencies and clients open: `python bench/agency_lists.py [--database postgres]`.

Two agencies stand in a new database, one with 30 engagements and one with 5,000; in each ten are pending, ten have run
out, and ten of the others end within thirty days and are in a group, spread evenly through the large one's list. Every
one has a handler. In each the legal representative opens 委托关系管理 and a handler his 委托企业 (10 of the small
agency's, 300 of the large one's); both look deep in their lists as well, and choose by state, last day and group.

Pages are of ten rows here, so that both agencies' show as much. All are asked for in turn, round by round, in one
process; a ratio is the median of the rounds' own ratios. `--write` puts the table into docs/benchmarks.md.

Goals: no page of the large agency takes more than 1.5 times that of the small one, nor more queries. What looks at each
of an agency's clients is shown, but no goal is set for it: the search for a part of a name, which finds ten.
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
from pathlib import Path
from typing import Any

from staff_page import portal

SIZES = (30, 5_000)
OF_EACH = 10
HANDLED = 300
FLATTEST = 1.5
SEARCH = "search, ten found"
ROW = re.compile(rb"<tr>")
PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


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
    from staff_page_world import _build_firm

    from accounts import passwords
    from accounts.models import Taxpayer
    from agencies.models import Handler
    from staff import standing
    from staff.models import Membership

    firm = _build_firm(first, 10, first=first * 100_000)
    agency = firm.taxpayer
    agency.kind = Taxpayer.Kind.AGENCY
    agency.save(update_fields=["kind"])
    people = (each.person for each in Membership.objects.filter(taxpayer=agency).order_by("-pk"))
    handler = next(each for each in people if standing.of_person(each, agency).problem is None and each != firm.lead)
    credential = passwords.store(None, passwords.hash_new("Handler-2026-ok"))
    Membership.objects.filter(taxpayer=agency, person=handler).update(credential=credential)
    other = next(each.person for each in Membership.objects.filter(taxpayer=agency) if each.person != handler)
    made = engage(agency, size, first)
    step = max(1, len(made) // HANDLED)
    named = made[::step][:HANDLED]
    namings = [(each, handler) for each in named] + [(each, other) for each in made]
    Handler.objects.bulk_create([Handler(engagement=each, person=who) for each, who in namings], batch_size=1000)
    key, own_key = made[int(len(made) * 0.9)].pk, named[int(len(named) * 0.9)].pk
    managing, handling = "/agencies/engagements/", "/agencies/clients/"
    group = made[0].group.uid
    lead_in, handler_in = signed_in(agency, firm.lead), signed_in(agency, handler)
    kinds = {
        "first page": (lead_in, managing),
        "deep in the list": (lead_in, f"{managing}?before={key + 1}"),
        "handler, first page": (handler_in, handling),
        "handler, deep": (handler_in, f"{handling}?before={own_key + 1}"),
        SEARCH: (lead_in, f"{managing}?search=晨星"),
        "recognised": (lead_in, f"{managing}?state=recognised"),
        "pending": (lead_in, f"{managing}?state=pending"),
        "expired": (lead_in, f"{managing}?state=expired"),
        "within 30 days": (lead_in, f"{managing}?expiring=on"),
        "one group": (lead_in, f"{managing}?group={group}"),
    }
    return [Page(kind, size, functools.partial(who.get, where)) for kind, (who, where) in kinds.items()]


def engage(agency: Any, size: int, first: int) -> list[Any]:
    """So many engagements of the agency, oldest first; those that are recognised today are returned."""
    from django.utils import timezone

    from accounts.models import Taxpayer
    from agencies.models import ClientGroup, Engagement
    from staff.models import Identity

    since = timezone.now() - timedelta(days=90)
    lasting = size - 2 * OF_EACH
    apart = {number * lasting // OF_EACH for number in range(OF_EACH)}
    clients = [
        Taxpayer(
            code=f"{first}{number:014}",
            name=f"大连{'晨星' if number in apart else '第'}{number}商贸有限公司",
            opened_at=since,
        )
        for number in range(size)
    ]
    Taxpayer.objects.bulk_create(clients, batch_size=1000)
    lent = [Identity(taxpayer=each, name="代理") for each in clients]
    Identity.objects.bulk_create(lent, batch_size=1000)
    group = ClientGroup.objects.create(agency=agency, name="重点")
    soon, gone = timezone.localdate() + timedelta(days=9), timezone.localdate() - timedelta(days=1)
    agreed = {"agency": agency, "valid_from": since.date(), "proposed_at": since, "recognised_at": since}
    both = list(zip(clients, lent, strict=True))
    over = [
        Engagement(client=client, identity=what, valid_until=gone, **agreed) for client, what in both[lasting:][::2]
    ]
    asked = [Engagement(agency=agency, client=client, proposed_at=since) for client in clients[lasting:][1::2]]
    chosen = {"valid_until": soon, "group": group}
    made = [
        Engagement(client=client, identity=what, **agreed, **(chosen if number in apart else {}))
        for number, (client, what) in enumerate(both[:lasting])
    ]
    # Spread through the large agency's list as well: half of the lasting ones are newer than these.
    middle = lasting // 2
    Engagement.objects.bulk_create([*made[:middle], *over, *asked, *made[middle:]], batch_size=1000)
    return made


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


def judge(found: list[Page]) -> tuple[list[list[str]], bool]:
    """The lines of the table, and whether every goal is met; what is missed is said."""
    small = {page.kind: page for page in found if page.size == SIZES[0]}
    lines, met = [], True
    for page in sorted(found, key=lambda each: (each.kind, each.size)):
        times = ratio(page, small[page.kind])
        median = statistics.median(page.times)
        lines.append([page.kind, f"{page.size:,}", str(page.queries), f"{median:.1f}", f"{times:.2f}"])
        if page.kind != SEARCH and (times > FLATTEST or page.queries > small[page.kind].queries):
            print(f"MISSED: {page.kind} of {page.size:,}")
            met = False
    return lines, met


def write(lines: list[list[str]]) -> None:
    """Put the table between its markers in docs/benchmarks.md."""
    from load_report import table

    begin, end = "<!-- agencies -->\n", "<!-- end of agencies -->"
    text = PAGE.read_text()
    before, after = text.split(begin)[0], text.split(end)[1]
    head = ["page", "engagements", "queries", "median ms", "ratio"]
    PAGE.write_text(f"{before}{begin}\n{table(head, lines)}\n\n{end}{after}")


def main() -> int:
    """0 when every goal is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    with portal(options.database):
        from agencies.views import clients, engagements

        clients.PAGE_SIZE = engagements.PAGE_SIZE = OF_EACH
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
        lines, met = judge(found)
    for kind, *figures in [["page", "engagements", "queries", "median ms", "ratio"], *lines]:
        print(f"{kind:<22} {' '.join(f'{each:>11}' for each in figures)}")
    if options.write:
        write(lines)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
