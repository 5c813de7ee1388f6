"""The dashboards' files are what the builder makes, and keep the rules that make them useful."""

import json
import re
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from grafana import build, colours
from tests.dashboards import (
    FOLDER,
    Object,
    dashboards,
    shipped_rules,
    titles,
    used_variables,
    values,
    variables,
)
from tests.dashboards import panels as panels_of

DASHBOARDS = dashboards()
UIDS = ["sendkit-domain", "sendkit-exporter", "sendkit-fleet", "sendkit-mailbox"]
PANELS = [
    pytest.param(uid, panel, id=f"{uid}-{panel['id']}")
    for uid, dashboard in DASHBOARDS.items()
    for panel in panels_of(dashboard)
]
CHOICES = ("provider", "tag")
"""What leaves a part of a place; a link to a place leads to the whole of it."""
UNITS = {"locale", "percentunit", "s", "bytes", "suffix: in 24 h"}


@pytest.mark.parametrize("name", build.DASHBOARDS)
def test_files_are_what_the_builder_makes(name: str) -> None:
    """`make dashboards` writes them."""
    assert (FOLDER / name).read_text() == build.text(name)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.name)
def test_file_can_be_applied_as_a_config_map(path: Path) -> None:
    """`kubectl apply` keeps an object as an annotation, and those have 256 KiB together."""
    quoted = len(json.dumps(json.dumps(path.read_text())))
    assert quoted < 0.95 * 2**18


def test_there_is_no_other_dashboard() -> None:
    assert {file.name for file in FOLDER.iterdir()} == set(build.DASHBOARDS)
    assert sorted(DASHBOARDS) == UIDS


@pytest.mark.parametrize("uid", UIDS)
def test_dashboard_belongs_to_no_server_and_may_be_changed(uid: str) -> None:
    dashboard = DASHBOARDS[uid]
    assert dashboard.get("id") is None
    assert dashboard["editable"] is True
    assert dashboard["title"]
    assert dashboard["description"]


@pytest.mark.parametrize("uid", UIDS)
def test_dashboards_lead_to_each_other_with_variables_and_time(uid: str) -> None:
    (link,) = DASHBOARDS[uid]["links"]
    assert link["type"] == "dashboards"
    assert link["keepTime"] is True
    assert link["includeVars"] is True
    assert all(set(link["tags"]) & set(dashboard["tags"]) for dashboard in DASHBOARDS.values())


@pytest.mark.parametrize("uid", UIDS)
def test_panels_have_their_own_ids_and_places(uid: str) -> None:
    boxes = DASHBOARDS[uid]["panels"]
    taken: Counter[tuple[int, int]] = Counter()
    for box in boxes:
        place = box["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24, box["title"]
        taken.update(
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        )
    assert set(taken.values()) == {1}
    assert len({box["id"] for box in boxes}) == len(boxes)


@pytest.mark.parametrize("uid", UIDS)
def test_every_row_asks_a_question(uid: str) -> None:
    boxes = DASHBOARDS[uid]["panels"]
    assert boxes[0]["type"] == "row"
    assert all(box["title"].endswith("?") for box in boxes if box["type"] == "row")


@pytest.mark.parametrize(("uid", "panel"), PANELS)
def test_panel_says_what_it_shows_and_what_to_do_with_it(uid: str, panel: Object) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    assert panel["title"]
    assert len(panel["description"]) > 30
    assert panel["description"].endswith(".")
    assert defaults["noValue"]
    assert defaults.get("unit") in UNITS or defaults["mappings"]
    assert {target["refId"] for target in panel["targets"]}
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@pytest.mark.parametrize(("uid", "panel"), PANELS)
def test_title_fits_a_narrow_screen(uid: str, panel: Object) -> None:
    """At 1000 pixels, a column of the grid is 40 pixels wide and a letter of a title about 8."""
    assert len(panel["title"]) * 8 <= panel["gridPos"]["w"] * 40 - 56


@pytest.mark.parametrize("uid", UIDS)
def test_every_query_goes_to_the_data_source_chosen(uid: str) -> None:
    dashboard = DASHBOARDS[uid]
    assert variables(dashboard)["datasource"]["query"] == "prometheus"
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert all(panel["datasource"] == chosen for panel in panels_of(dashboard))
    assert all(source == chosen for source in values(dashboard["panels"], "datasource"))
    asked = [variable for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
    assert all(variable["datasource"] == chosen for variable in asked)
    assert all(variable["refresh"] == 2 for variable in asked)  # when the time range changes


@pytest.mark.parametrize("uid", UIDS)
def test_variables_are_those_that_are_used(uid: str) -> None:
    dashboard = DASHBOARDS[uid]
    texts = [*values(dashboard, "expr"), *values(dashboard, "query"), *values(dashboard, "url")]
    used = set().union(*(used_variables(text if isinstance(text, str) else text["query"]) for text in texts))
    assert used <= set(variables(dashboard))
    assert set(variables(dashboard)) - {"mailbox"} - used <= {"datasource"}


@pytest.mark.parametrize(
    ("uid", "name"),
    [*((uid, "workspace") for uid in UIDS), *product(("sendkit-fleet", "sendkit-domain"), CHOICES)],
)
def test_a_choice_is_all_one_or_several_and_all_at_first(uid: str, name: str) -> None:
    variable = variables(DASHBOARDS[uid])[name]
    assert variable["multi"] is True
    assert variable["includeAll"] is True
    assert variable["allValue"] == ".*"
    assert variable["current"] == {"selected": True, "text": "All", "value": "$__all"}


@pytest.mark.parametrize(
    ("result", "text", "value"),
    [
        ('{email="anna@acme.example",mailbox_id="m1"} 1 1760000000', "anna@acme.example", "m1"),
        ('{mailbox_id="m1"} 1 1760000000', None, "m1"),
    ],
)
def test_a_mailbox_is_chosen_by_its_address_where_one_is_shown(result: str, text: str, value: str) -> None:
    regex = variables(DASHBOARDS["sendkit-mailbox"])["mailbox"]["regex"]
    found = re.search(regex.strip("/").replace("(?<", "(?P<"), result)
    assert found
    assert (found["text"], found["value"]) == (text, value)


def all_links() -> list[Any]:
    return [
        pytest.param(panel, link["url"], id=f"{uid}-{panel['id']}-{link['title']}")
        for uid, dashboard in DASHBOARDS.items()
        for panel in panels_of(dashboard)
        for override in panel["fieldConfig"]["overrides"]
        for prop in override["properties"]
        if prop["id"] == "links"
        for link in prop["value"]
    ]


@pytest.mark.parametrize(("panel", "url"), all_links())
def test_link_of_a_cell_leads_on_with_source_and_time(panel: Object, url: str) -> None:
    parts = urlsplit(url)
    uid = parts.path.removeprefix("/d/")
    assert uid in UIDS
    assert "${__url_time_range}" in url
    assert "${datasource:queryparam}" in url
    named = {name.removeprefix("var-") for name in parse_qs(parts.query) if name.startswith("var-")}
    carried = set(re.findall(r"\$\{(\w+):queryparam\}", url)) - {"datasource"}
    assert named | carried == set(variables(DASHBOARDS[uid])) - {"datasource", *CHOICES}
    assert set(re.findall(r"\$\{__data\.fields\.(\w+):percentencode\}", url)) <= titles(panel)


@pytest.mark.parametrize(("uid", "panel"), PANELS)
def test_an_id_is_read_by_links_and_not_shown(uid: str, panel: Object) -> None:
    """It is long, and the mailbox's name is in the first columns."""
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == "Id":
            assert {"id": "custom.hidden", "value": True} in override["properties"]


@pytest.mark.parametrize(("uid", "panel"), PANELS)
def test_names_of_bars_are_of_the_size_that_room_is_kept_for(uid: str, panel: Object) -> None:
    """Grafana measures a name at 12 pixels beside thin bars, and cuts a larger one off."""
    if panel["type"] == "bargauge":
        assert panel["options"]["text"]["titleSize"] == 12


def test_alerts_lead_to_dashboards_with_variables_that_exist() -> None:
    urls = {rule["annotations"]["dashboard_url"] for rule in shipped_rules() if "alert" in rule}
    for url in urls:
        found = re.search(r"\}\}/(sendkit-[a-z]+)(\?.*?)?\{\{ end \}\}", url)
        assert found, url
        named = re.findall(r"var-(\w+)=", found[2] or "")
        assert set(named) <= set(variables(DASHBOARDS[found[1]])), url


def test_colours_mean_the_same_everywhere() -> None:
    """Green is well, amber wants a look, red wants an act; each status has one colour."""
    allowed = {
        *(colours.GREEN, colours.AMBER, colours.RED, colours.DARK_RED),
        *(colours.BLUE, colours.DARK_BLUE, colours.GREY, colours.PURPLE, colours.PLAIN),
        *("light-red", "yellow"),  # more reasons than meanings
    }
    for dashboard in DASHBOARDS.values():
        plain = [colour for colour in values(dashboard["panels"], "fixedColor") if colour]
        of_values = [colour for colour in values(dashboard["panels"], "color") if isinstance(colour, str)]
        assert set(plain) | set(of_values) <= allowed
        # Grafana's palettes hand out green and red by turns, whatever a line means.
        modes = {
            panel["fieldConfig"]["defaults"].get("color", {}).get("mode") for panel in panels_of(dashboard)
        }
        assert modes <= {None, "thresholds", "continuous-BlPu"}
    statuses: dict[str, set[str]] = {}
    for mapping in (
        found for dashboard in DASHBOARDS.values() for found in values(dashboard, "mappings") if found
    ):
        for result in (result for one in mapping for result in one["options"].values()):
            statuses.setdefault(result["text"], set()).add(result["color"])
    assert all(len(colours) == 1 or text == "other" for text, colours in statuses.items())
