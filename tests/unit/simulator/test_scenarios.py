"""How scenarios are written on the command line."""

import pytest

from exporter.simulator import SCENARIOS, ScenarioRequest, parse_scenario


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("api_down", ScenarioRequest("api_down")),
        ("api_down@20s", ScenarioRequest("api_down", {}, 20)),
        ("api_down@1.5", ScenarioRequest("api_down", {}, 1.5)),
        ("api_down@2m", ScenarioRequest("api_down", {}, 120)),
        ("bounce_spike:ratio=0.3@20s", ScenarioRequest("bounce_spike", {"ratio": "0.3"}, 20)),
        (
            "slow:mode=drip, delay=1@1h",
            ScenarioRequest("slow", {"mode": "drip", "delay": "1"}, 3600),
        ),
        (
            "mailbox_suspended:mailbox=sales@getacme.example",
            ScenarioRequest("mailbox_suspended", {"mailbox": "sales@getacme.example"}),
        ),
        (
            "mailbox_suspended:mailbox=sales@getacme.example@500ms",
            ScenarioRequest("mailbox_suspended", {"mailbox": "sales@getacme.example"}, 0.5),
        ),
        (
            "sending_stalled:workspace=globex outreach",
            ScenarioRequest("sending_stalled", {"workspace": "globex outreach"}),
        ),
    ],
)
def test_a_scenario_is_read_from_its_text(text: str, expected: ScenarioRequest) -> None:
    assert expected == parse_scenario(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no scenario is called ''; there are bounce_spike"),
        ("bounce", "no scenario is called 'bounce'; there are bounce_spike"),
        ("bounce_spike@soon", "the delay of a scenario is a time such as 20s or 2m, not 'soon'"),
        ("bounce_spike@-1s", "the delay of a scenario is a time such as 20s or 2m, not '-1s'"),
        ("bounce_spike:ratio", "parameters of a scenario are written name=value, not 'ratio'"),
        ("bounce_spike:", "parameters of a scenario are written name=value, not ''"),
        ("bounce_spike:rate=1", "bounce_spike has no parameter 'rate'; it has workspace, domain, ratio"),
        ("bounce_spike:ratio=2", "ratio must be at most 1, not 2"),
        ("bounce_spike:ratio=-1", "ratio must be at least 0, not -1"),
        ("bounce_spike:ratio=nan", "ratio must be a number, not 'nan'"),
        ("bounce_spike:ratio=a lot", "ratio must be a number, not 'a lot'"),
        ("api_down:mode=off", "mode must be one of refuse_503, reset, not 'off'"),
        ("mailbox_suspended:mailbox=", "mailbox must be a text, not ''"),
    ],
)
def test_the_error_of_a_bad_scenario_says_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^" + message.replace("'", r"\'").replace("?", r"\?")):
        parse_scenario(text)


@pytest.mark.parametrize("value", [True, None, [], {}, 10**400])
def test_a_number_from_json_is_checked_too(value: object) -> None:
    with pytest.raises(ValueError, match="ratio must be a number"):
        ScenarioRequest("bounce_spike", {"ratio": value})


@pytest.mark.parametrize("name", SCENARIOS)
def test_defaults_are_values_that_would_be_accepted(name: str) -> None:
    defaults = ScenarioRequest(name).values()

    assert defaults == ScenarioRequest(name, defaults).values()
