"""The status page: what its HTML links to, loads and allows, whatever the texts in it."""

import base64
import hashlib
import html
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.catalogue.workspace import Reason
from exporter.fleet.reading import Reading
from exporter.fleet.workspace import Fleet
from exporter.page import status as status_page
from exporter.page.templating import CONTENT_SECURITY_POLICY, unbroken
from tests.pages import NOW, PLAIN, Page, answer_of, fresh, page_of
from tests.yaml_files import from_yaml

HOSTILE = "</title><script>alert(1)</script>\" onload='x' {{ 7 * 7 }} &amp;"


def test_hostile_texts_stay_texts_on_the_page() -> None:
    fleet = Fleet()
    answer = answer_of(1, [HOSTILE], address=f"{HOSTILE}@{HOSTILE}", campaign_sent=[9], campaign_bounced=[0])
    fresh(fleet, HOSTILE, answer).all_time.failed(Reason.SERVER_ERROR, HOSTILE, NOW, 1.0)
    view = status_page.look(fleet, NOW, PLAIN, [HOSTILE])
    page = Page(status_page.render(view, HOSTILE, HOSTILE))
    harmless = Page(status_page.render(status_page.look(fleet, NOW, PLAIN, ["x"]), "h", "1"))
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in harmless.elements]
    assert "script" not in {tag for tag, _ in page.elements}
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert "{{ 7 * 7 }}" in page.text
    assert "49" not in page.section("workspaces").text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("25 of 1,080 in 24 h, at least 17 %", "[25 of 1,080] in [24 h], [at least 17 %]"),
        ("7 of 41 (1.2 %)", "[7 of 41] [(1.2 %)]"),
        ("1 min 30 s", "[1 min] [30 s]"),
        ("also critical: 1 domain", "also critical: 1 domain"),
        ("<b> 5 %", "&lt;b&gt; [5 %]"),
    ],
)
def test_no_line_ends_within_a_figure(text: str, expected: str) -> None:
    kept = expected.replace("[", '<span class="figure">').replace("]", "</span>")
    assert unbroken(text) == kept


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_workspace_links_to_its_own_page(label: str) -> None:
    fleet = Fleet()
    fresh(fleet, label)
    page = page_of(fleet)
    (link,) = re.findall(r'href="workspaces/([^"]*)"', page.source)
    assert re.fullmatch(r"[\w.~%-]*", html.unescape(link), re.ASCII)


def test_it_links_to_every_endpoint_and_loads_nothing() -> None:
    page = page_of(Fleet())
    links = {attributes["href"] for tag, attributes in page.elements if tag == "a"}
    assert links == {"./", "metrics", "metrics/exporter", "api/v1/status", "sd", "-/healthy", "-/ready"}
    assert not {"script", "img", "iframe", "object", "form", "base"} & {tag for tag, _ in page.elements}
    assert not any("style" in attributes or "src" in attributes for _, attributes in page.elements)
    (icon,) = (attributes["href"] for tag, attributes in page.elements if tag == "link")
    assert str(icon).startswith("data:image/svg+xml,")


def test_the_policy_allows_exactly_the_style_of_the_page() -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", page_of(Fleet()).source, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none';")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["exporter:19587", "[::1]:19587", "x\"]: # ' \n- y: &z"])
def test_the_snippets_are_yaml_for_the_host_that_was_asked(host: str, scheme: str) -> None:
    source = status_page.render(status_page.look(Fleet(), NOW, PLAIN), host, "1", scheme)
    snippets = [
        from_yaml(html.unescape(text)) for text in re.findall(r"<pre.*?>(.*?)</pre>", source, re.DOTALL)
    ]
    job = {"job_name": "sendkit-exporter"} | ({"scheme": "https"} if scheme == "https" else {})
    assert json.loads(json.dumps(snippets)) == [
        {"scrape_configs": [{**job, "static_configs": [{"targets": [host]}]}]},
        {"scrape_configs": [{**job, "http_sd_configs": [{"url": f"{scheme}://{host}/sd"}]}]},
    ]


def test_what_happens_after_the_look_does_not_show() -> None:
    fleet = Fleet()
    tracked = fresh(fleet, "acme")
    view = status_page.look(fleet, NOW, PLAIN)
    first = status_page.render(view, "h", "1")
    tracked.all_time.failed(Reason.AUTH, "401", NOW, 1.0)
    tracked.all_time.succeeded(Reading(answer_of(9, ["error"] * 9), None), NOW, 1.0)
    fresh(fleet, "beta")
    assert status_page.render(view, "h", "1") == first
