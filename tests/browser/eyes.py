"""Eyes for pages: a real Chromium that is shown what the portal answers, and says what a visitor would complain of.

No server runs: every request of the page is answered in this process by the visitor's own client, so that states may
be made, looked at and undone. A request to any other host is refused and complained of.
"""

import contextvars
import gzip
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles import finders
from django.http import HttpResponse
from playwright.sync_api import BrowserContext, Page, Request, Route

from tests.visitor import Visitor

HOME = "http://localhost"
HEAVIEST = 60_000
"""How many bytes a page may weigh without pictures, its stylesheets and scripts as compressed as they are served."""
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png"}
TEXT = (".css", ".js", ".svg")

# What is wrong with the page as it stands, in words. A link inside a sentence may be as high as its line (WCAG 2.5.8);
# a box is as large as its label.
_LOOK = """(smallest) => {
  const wrong = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const out = [...document.querySelectorAll('main *, header *, footer *')].filter(
      (one) => one.getBoundingClientRect().right > root.clientWidth + 1
    );
    wrong.push(`scrolls sideways: ${out.slice(0, 3).map((one) => one.outerHTML.slice(0, 90)).join(' | ')}`);
  }
  const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getBoundingClientRect().width > 1;
  const headings = document.querySelectorAll('h1').length;
  if (headings !== 1) wrong.push(`${headings} h1`);
  const [title, bureau] = document.title.split('·').map((part) => part.trim());
  if (!title || !bureau) wrong.push(`title: ${document.title}`);
  if (!root.lang) wrong.push('no language');
  const inSentence = (link) => {
    if (link.tagName !== 'A' || getComputedStyle(link).display !== 'inline') return false;
    const around = link.closest('p, li, td, dd, th, label, span, div');
    return around && around.textContent.trim().length > link.textContent.trim().length;
  };
  for (const one of document.querySelectorAll('a[href], button, input, select, textarea, summary')) {
    if (!seen(one) || inSentence(one) || one.closest('.skip, .visually-hidden')) continue;
    let box = one.getBoundingClientRect();
    if (one.matches('[type=checkbox], [type=radio]')) {
      const label = one.closest('label, .check') || (one.labels && one.labels[0]);
      if (!label) wrong.push(`a box without a label: ${one.name}`);
      else box = label.getBoundingClientRect();
    }
    if (box.height < smallest - 0.5 || box.width < smallest - 0.5) {
      const size = `${Math.round(box.width)}x${Math.round(box.height)}`;
      wrong.push(`small target ${size}: ${one.outerHTML.slice(0, 100).replace(/\\s+/g, ' ')}`);
    }
  }
  for (const one of document.querySelectorAll('[aria-invalid=true]')) {
    if (!one.getAttribute('aria-describedby') && !one.closest('[aria-describedby]'))
      wrong.push(`an error that no field is tied to: ${one.name}`);
    if (!document.querySelector('.error-summary')) wrong.push('errors that no summary sums up');
  }
  for (const one of document.querySelectorAll('[aria-describedby], [aria-labelledby], [aria-controls]'))
    for (const name of ['aria-describedby', 'aria-labelledby', 'aria-controls'])
      for (const id of (one.getAttribute(name) || '').split(/\\s+/).filter(Boolean))
        if (!document.getElementById(id)) wrong.push(`${name} points at nothing: ${id}`);
  const words = document.createTreeWalker(root.lang === 'en' ? document.body : document.createElement('p'), 4);
  while (words.nextNode()) {
    const text = words.currentNode;
    if (!seen(text.parentElement) || text.parentElement.closest('code, script, .visually-hidden')) continue;
    for (const { 0: word, index } of text.data.matchAll(/(?<![A-Za-z0-9])[A-Za-z]{3,}(?![A-Za-z0-9])/g)) {
      const range = document.createRange();
      range.setStart(text, index);
      range.setEnd(text, index + word.length);
      const lines = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
      if (lines.size > 1) wrong.push(`a word is broken: ${word} in ${text.parentElement.outerHTML.slice(0, 90)}`);
    }
  }
  for (const one of document.querySelectorAll('.error-summary a, .skip'))
    if (!document.getElementById(decodeURIComponent(one.hash.slice(1)))) wrong.push(`leads nowhere: ${one.outerHTML}`);
  return wrong;
}"""

_AXE = """async (tags) => {
  const options = { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] };
  const { violations } = await axe.run(document, options);
  return violations.map(({ id, help, nodes }) => {
    const node = nodes[0];
    const why = [...node.any, ...node.all, ...node.none].map((check) => check.message)[0];
    return `${id}: ${help} at ${nodes.slice(0, 3).map((one) => one.target).join(' ; ')} (${why})`;
  });
}"""


@dataclass(frozen=True, slots=True)
class Look:
    """How a page is looked at."""

    name: str
    width: int
    height: int
    scheme: str
    large: bool = False
    axe: bool = True


WIDE = Look("wide", 1280, 900, "light")
PHONE = Look("phone", 390, 844, "dark")
ZOOMED = Look("zoomed", 320, 640, "light", axe=False)  # 1280 at 400 %
LARGE = Look("large", 390, 844, "light", large=True, axe=False)  # 大字版
EACH_ONCE = (WIDE, PHONE, ZOOMED, LARGE)
ALL_WAYS = (
    WIDE,
    PHONE,
    ZOOMED,
    LARGE,
    Look("wide-dark", 1280, 900, "dark"),
    Look("phone-light", 390, 844, "light"),
    Look("wide-large", 1280, 900, "light", large=True),
)


@dataclass
class Eyes:
    """One page in a browser, showing what this visitor gets; `complaints` holds all that was wrong."""

    context: BrowserContext
    visitor: Visitor
    looks: Iterable[Look] = EACH_ONCE
    pictures: Path | None = None
    complaints: list[str] = field(default_factory=list)
    pages: int = 0
    heaviest: int = 0
    language: str = ""

    def __post_init__(self) -> None:
        self.page: Page = self.context.new_page()
        self.context.route("**/*", self._answer)
        self.page.on("console", lambda message: self._said(f"console: {message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self._said(f"script: {error}"))
        self._where = ""
        self._shown: HttpResponse | None = None
        self._weight = 0
        self._own = contextvars.copy_context()  # Playwright answers in others, where Django would open new connections

    def look_at(self, where: str, name: str = "") -> str:
        """Open an address as this visitor and look; its HTML."""
        return self.show(self.visitor.get(where, follow=True), where, name)

    def show(self, answer: HttpResponse, where: str, name: str = "") -> str:
        """Look at an answer that the visitor got at this address, in every way there is to look."""
        self.pages += 1
        self._where, self._shown, self._weight = name or where, answer, 0
        self._own = contextvars.copy_context()
        self.page.set_viewport_size({"width": 1280, "height": 900})
        self.page.emulate_media(color_scheme="light")
        self.page.goto(HOME + where)
        self.page.evaluate(Axe().axe_script)
        if not answer.headers["Content-Type"].startswith("text/html"):
            self._said(f"no page: {answer.headers['Content-Type']}")
            return ""
        self.heaviest = max(self.heaviest, self._weight)
        if self._weight > HEAVIEST:
            self._said(f"weighs {self._weight} bytes")
        for look in self.looks:
            self._look(look)
        return answer.content.decode()

    def _look(self, look: Look) -> None:
        self.page.set_viewport_size({"width": look.width, "height": look.height})
        self.page.emulate_media(color_scheme=look.scheme, reduced_motion="reduce")
        self.page.evaluate("on => document.documentElement.toggleAttribute('data-size', on)", look.large)
        if look.large:
            self.page.evaluate("document.documentElement.dataset.size = 'large'")
        for wrong in self.page.evaluate(_LOOK, 44):
            self._said(f"{look.name}: {wrong}")
        if look.axe:
            for wrong in self.page.evaluate(_AXE, TAGS):
                self._said(f"{look.name}: axe: {wrong}")
        if self.pictures:
            place = (
                self.pictures / self.language / look.name / f"{self._where.strip('/').replace('/', '_') or 'home'}.png"
            )
            place.parent.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=place, full_page=True)

    def _said(self, what: str) -> None:
        refused = "Failed to load resource" in what and "status of 4" in what
        if not refused:
            self.complaints.append(f"{self.language} {self._where}: {what}")

    def _answer(self, route: Route, request: Request) -> None:
        """What the page asks for: itself, as it was shown; a file of ours; a picture, from the portal."""
        parts = urlsplit(request.url)
        if f"{parts.scheme}://{parts.netloc}" != HOME:
            self._said(f"asks another host: {request.url}")
            route.abort()
            return
        if parts.path.startswith("/static/"):
            self._answer_file(route, parts.path)
            return
        where = parts.path + (f"?{parts.query}" if parts.query else "")
        shown, self._shown = self._shown, None
        answer = (
            shown if shown is not None and request.is_navigation_request() else self._own.run(self.visitor.get, where)
        )
        body = answer.getvalue() if answer.streaming else answer.content
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            self._weight += len(body)
        headers = {key: value for key, value in answer.headers.items() if key.lower() != "content-length"}
        route.fulfill(status=answer.status_code, headers=headers, body=body)

    def _answer_file(self, route: Route, path: str) -> None:
        found = finders.find(path.removeprefix("/static/"))
        if not found:
            self._said(f"a file that isn't there: {path}")
            route.abort()
            return
        file = Path(found)
        content = file.read_bytes()
        if file.suffix in TEXT:
            self._weight += len(gzip.compress(content))
        route.fulfill(status=200, headers={"Content-Type": TYPES[file.suffix]}, body=content)


def pictures_wanted() -> Path | None:
    """Where pictures of every page are put; nowhere unless asked for."""
    place = os.environ.get("CRAWL_PICTURES")
    return Path(place) if place else None
