"""The runbooks, as pages."""

import re
import zipfile
from itertools import product
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from exporter.fleet.findings import Count, Finding, Kind, State
from exporter.fleet.limits import Level
from exporter.page import runbooks
from tests.pages import Page

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "prometheus" / "runbooks"
ALERTS = sorted(path.stem for path in FOLDER.glob("*.md"))


def page_of(alert: str) -> Page:
    html = runbooks.render(alert, "1.2.3")
    assert html
    return Page(html)


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_has_its_runbook_as_a_page(alert: str) -> None:
    page = page_of(alert)
    assert page.headline == alert
    assert f"<title>{alert} · SendKit exporter</title>" in page.source
    for title in re.findall(r"^## (.*)$", (FOLDER / f"{alert}.md").read_text(), re.MULTILINE):
        assert title in page.text
    assert not {"script", "img", "iframe"} & {tag for tag, _ in page.elements}


@pytest.mark.parametrize(("kind", "level", "state"), list(product(Kind, Level, State)))
def test_whatever_is_found_has_the_runbook_of_an_alert(kind: Kind, level: Level, state: State) -> None:
    assert runbooks.alert_of(Finding(state, kind, level, "", Count(1, 2), 24)) in ALERTS


def test_commands_of_a_runbook_are_shown_as_they_are_written() -> None:
    assert "amtool --alertmanager.url=" in page_of("SendKitDomainBounceSpike").text
    assert "```" not in page_of("SendKitDomainBounceSpike").text


@pytest.mark.parametrize("name", ["", "SendKitNone", "../SECURITY", "SendKitDomainBounceSpike.md"])
def test_what_is_no_alert_has_no_runbook(name: str) -> None:
    assert runbooks.render(name, "1.2.3") is None


def test_the_package_that_is_installed_has_them(tmp_path: Path) -> None:
    [wheel] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as files:
        packed = {Path(name).stem for name in files.namelist() if name.startswith("exporter/page/runbooks/")}
    assert packed == {*ALERTS}
