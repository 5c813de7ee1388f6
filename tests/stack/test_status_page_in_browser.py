"""The status page in a real browser, served over HTTP under its own policy."""

import threading
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from exporter.exposition.rendering import Disclosure
from exporter.fleet.workspace import Fleet
from exporter.page import status as status_page
from exporter.page.templating import CONTENT_SECURITY_POLICY
from tests.stack.status_pages import (
    HOSTILE,
    NOW,
    bouncing,
    crowded,
    failing,
    healthy,
    hostile,
    waiting,
    workspace,
)

PLAIN = Disclosure(lambda email: email)
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
Scheme = Literal["light", "dark"]


FLEETS: Sequence[Callable[[], Fleet]] = (Fleet, waiting, healthy, failing, crowded, hostile, bouncing)
PAGES = (*FLEETS, workspace)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Serve the page of each fleet at the fleet's name, and nothing else."""
    pages: dict[str, bytes] = {
        f"/{fleet.__name__}": status_page.render(
            status_page.look(fleet(), NOW, PLAIN), "127.0.0.1:19587", "1.2.3"
        ).encode()
        for fleet in FLEETS
    }
    one = status_page.look(bouncing(), NOW, PLAIN).of("acme")
    assert one
    pages[f"/{workspace.__name__}"] = status_page.render_workspace(one, "1.2.3").encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            self.send_response(HTTPStatus.OK if page else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, site: str) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a fleet's page; complaints and requests for more fail the test."""
    pages: list[Page] = []
    complaints: list[str] = []
    requests: list[str] = []

    def open_page(fleet: Callable[[], Fleet], width: int = 1280, scheme: Scheme = "light") -> Page:
        page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"{site}/{fleet.__name__}")
        return page

    yield open_page
    for page in pages:
        page.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [page.url for page in pages], (
        "a page asks for something besides itself"
    )


@pytest.mark.parametrize("width", [390, 970, 1280])
@pytest.mark.parametrize("fleet", PAGES, ids=lambda fleet: fleet.__name__)
def test_nothing_is_wider_than_the_screen(
    visit: Callable[..., Page], fleet: Callable[[], Fleet], width: int
) -> None:
    page = visit(fleet, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (
        page.locator(".scroll").evaluate_all(
            "regions => regions.filter(region => region.scrollWidth > region.clientWidth).length"
        )
        == 0
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("fleet", PAGES, ids=lambda fleet: fleet.__name__)
def test_every_text_stands_out_from_its_ground(
    visit: Callable[..., Page], fleet: Callable[[], Fleet], scheme: Scheme
) -> None:
    """WCAG 2.2, success criterion 1.4.3: a contrast of 4.5 at least."""
    assert visit(fleet, scheme=scheme).evaluate(LOW_CONTRASTS) == []


LOW_CONTRASTS = """() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const luminance = colour => {
    const [r, g, b] = parts(colour).slice(0, 3).map(channel => {
      const share = channel / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = element => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (parts(colour)[3] !== 0) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const low = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim()) continue;
    const lights = [getComputedStyle(element).color, ground(element)].map(luminance).sort((a, b) => b - a);
    const contrast = (lights[0] + 0.05) / (lights[1] + 0.05);
    if (contrast < 4.5) low.add(`${element.tagName}.${element.className}: ${contrast.toFixed(2)}`);
  }
  return [...low];
}"""


def test_light_and_dark_are_as_the_reader_prefers(visit: Callable[..., Page]) -> None:
    grounds = [
        visit(healthy, scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]
    assert grounds == ["rgb(246, 247, 249)", "rgb(18, 22, 27)"]


def test_hostile_names_are_read_and_not_executed(visit: Callable[..., Page]) -> None:
    page = visit(hostile)
    assert page.title() == "▲ Too few mails to judge yet: 0 seen in 24 h · SendKit exporter"
    assert page.locator("script, img").count() == 0
    assert HOSTILE in page.get_by_role("link", name="script").inner_text().replace("\n", "")


def test_the_failing_workspace_is_what_one_sees_first(visit: Callable[..., Page]) -> None:
    page = visit(failing)
    assert page.get_by_role("heading", level=1).inner_text().startswith("✕ ")
    assert page.get_by_text("Data: 1 of 3 workspaces failing").is_visible()
    first = page.get_by_role("region", name="Workspaces").locator("tbody tr").first
    assert first.get_by_role("rowheader").inner_text() == "zeta"
    assert first.get_by_text("Key refused").is_visible()
    assert first.get_by_text("401 Unauthorized: the key was revoked").is_visible()


def test_a_spike_is_what_one_sees_first(visit: Callable[..., Page]) -> None:
    page = visit(bouncing)
    assert page.get_by_role("heading", level=1).inner_text() == (
        "✕ acme bounces: 28 of 159 in 24 h, at least 10 %"
    )
    first = page.get_by_role("table").first.locator("tbody tr").first
    assert first.get_by_role("rowheader").inner_text() == "acme.example"
    assert first.get_by_text("28 of 159 (18 %), at least 10 %").is_visible()
    assert page.get_by_role("region", name="Last incidents").get_by_text("lasts").count() == 2


@pytest.mark.parametrize("width", [390, 700, 1280])
@pytest.mark.parametrize("fleet", [healthy, bouncing, workspace], ids=lambda fleet: fleet.__name__)
def test_no_number_is_parted_from_its_unit(
    visit: Callable[..., Page], fleet: Callable[[], Fleet], width: int
) -> None:
    assert visit(fleet, width).evaluate(PARTED) == []


PARTED = """() => {
  const parted = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    for (const found of texts.currentNode.data.matchAll(/[\\d.,]+ (?:%|h|s|min)(?!\\w)/g)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, found.index);
      range.setEnd(texts.currentNode, found.index + found[0].length);
      const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
      if (lines.size > 1) parted.push(found[0]);
    }
  }
  return parted;
}"""


@pytest.mark.parametrize("width", [390, 970, 1280])
def test_no_reason_is_cut_for_want_of_width(visit: Callable[..., Page], width: int) -> None:
    reasons = visit(healthy, width).locator("td.wide .state")
    assert (
        reasons.evaluate_all(
            "reasons => reasons.filter(each => each.scrollHeight > each.clientHeight + 1).length"
        )
        == 0
    )
    assert reasons.count()


def test_a_last_error_is_not_cut_without_a_sign(visit: Callable[..., Page]) -> None:
    """On a phone, too, a long reason takes a second line."""
    page = visit(hostile, 390)
    assert page.locator("td.wide .state").first.evaluate("each => getComputedStyle(each).whiteSpace") == (
        "normal"
    )


def test_a_workspace_shows_its_hours_as_bars(visit: Callable[..., Page]) -> None:
    page = visit(workspace)
    bars = page.get_by_role("img", name="Bounces by the hour").locator("rect")
    heights = bars.evaluate_all("bars => bars.map(bar => bar.getBoundingClientRect().height)")
    assert len(heights) == 25
    assert [round(height / max(heights), 2) for height in heights[-2:]] == [round(9 / 19, 2), 1]
    assert sum(height > 0 for height in heights) == 2


def test_a_crowd_of_workspaces_scrolls_inside_its_table(visit: Callable[..., Page]) -> None:
    page = visit(crowded)
    region = page.get_by_role("region", name="Workspaces").last
    assert region.locator("tbody tr").count() == 250
    assert region.evaluate("region => region.scrollHeight > region.clientHeight")
    region.locator("tbody tr").nth(249).scroll_into_view_if_needed()
    head, box = region.locator("thead th").first.bounding_box(), region.bounding_box()
    assert head
    assert box
    assert head["y"] == pytest.approx(box["y"], abs=2)


@pytest.mark.parametrize("width", [390, 1280])
def test_figures_keep_their_labels_on_every_screen(visit: Callable[..., Page], width: int) -> None:
    """On a phone the head of the table gives way to a label before each figure."""
    page = visit(healthy, width)
    head = page.get_by_role("columnheader", name="Failed polls")
    label = page.locator("td[data-label='Failed polls']").first.evaluate(
        "cell => getComputedStyle(cell, '::before').content"
    )
    assert (head.count() == 1, label != "none") == (width == 1280, width == 390)
