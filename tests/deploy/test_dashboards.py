"""The dashboards: what is committed is what the code makes, and every panel shows something of the real service."""

import json
import math
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.dashboards.__main__ import FOLDER, dashboards
from deploy.dashboards.unshown import UNSHOWN
from tests.deploy.observed import observed

VARIABLES = {"$__rate_interval": "10s", "$__range": "1m", "$instance": ".*"}
"""What Grafana would put in their place."""
BOARDS = {name: json.loads(text) for name, text in dashboards().items()}


def panels(board):
    return [panel for panel in board["panels"] if panel["type"] != "row"]


QUERIES = [
    pytest.param(target["expr"], target["legendFormat"], id=f"{name}: {panel['title']}: {target['legendFormat']}")
    for name, board in BOARDS.items()
    for panel in panels(board)
    for target in panel["targets"]
]


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    with observed(tmp_path_factory.mktemp("observed")) as everything:
        yield everything


def test_the_committed_dashboards_are_those_that_the_code_makes():
    committed = {path.name: path.read_text() for path in FOLDER.iterdir()}
    assert committed == dashboards(), "run `make dashboards`"


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS.keys())
def test_panels_lie_side_by_side_and_say_what_they_show(board):
    taken = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place.get("x", 0), place.get("x", 0) + place["w"])
            for y in range(place.get("y", 0), place.get("y", 0) + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert all(panel["description"] for panel in panels(board))
    ids = [panel["id"] for panel in panels(board)]
    assert len(set(ids)) == len(ids)


def test_all_boards_begin_with_the_same_answers():
    tops = [
        [(panel["title"], [target["expr"] for target in panel["targets"]]) for panel in panels(board)[:5]]
        for board in BOARDS.values()
    ]
    assert len(tops) == 3
    assert tops[0] == tops[1] == tops[2]
    assert len({board["uid"] for board in BOARDS.values()}) == 3


def filled_in(expr):
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    assert "$" not in expr, "a variable that the test does not know"
    return expr


def complaint(seen, expr, legend):
    """Say what is wrong with a panel's query; None when it shows something."""
    series = seen.series(filled_in(expr))
    if not series:
        return "no series"
    if all(math.isnan(float(value)) for each in series for _, value in each["values"]):
        return "nothing but NaN"
    unknown = {
        label for label in re.findall(r"{{(\w+)}}", legend) for each in series if label not in each["metric"]
    }
    return f"no label {unknown}" if unknown else None


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("expr", "legend"), QUERIES)
def test_every_query_shows_something_of_the_real_service(seen, expr, legend):
    assert complaint(seen, expr, legend) is None


@pytest.mark.parametrize(
    ("expr", "legend", "said"),
    [
        ("streamssl_no_such_metric", "", "no series"),
        ("0 * streamssl_classes / 0", "", "nothing but NaN"),
        ("sum(streamssl_classes)", "{{instance}}", "no label {'instance'}"),
    ],
)
def test_a_panel_that_shows_nothing_would_be_found(seen, expr, legend, said):
    assert complaint(seen, expr, legend) == said


def families(text):
    """Return the names of all metrics on a page, without the moments at which they were made."""
    names = {family.name for family in text_string_to_metric_families(text)}
    return {name for name in names if not name.endswith("_created")}


def test_every_metric_is_on_a_panel_or_needs_none(seen):
    used = " ".join(expr for expr, _ in (query.values for query in QUERIES))
    exported = families(seen.metrics)
    shown = {name for name in exported if re.search(rf"\b{name}(_total|_bucket|_sum|_count)?\b", used)}
    assert exported - shown == set(UNSHOWN)
    assert all(UNSHOWN.values())


def test_every_rule_works_on_the_real_service(seen):
    rules = [rule for group in seen.ask("rules")["groups"] for rule in group["rules"]]
    assert len(rules) > 20
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []
    recorded = [rule["name"] for rule in rules if rule["type"] == "recording"]
    assert [name for name in recorded if not seen.series(name)] == []


def test_alerts_ask_for_metrics_that_there_are(seen):
    """A metric that nobody exports is no error to Prometheus: the alert would never come."""
    rules = [rule for group in seen.ask("rules")["groups"] for rule in group["rules"]]
    asked = {name for rule in rules for name in re.findall(r"\b(?:streamssl|process)_\w+", rule["query"])}
    there = set(seen.ask("label/__name__/values"))
    recorded = {name.split(":")[1] for name in there if ":" in name}
    assert asked - there - recorded == set()


def test_grafana_is_told_where_everything_is():
    provisioning = Path(FOLDER).parent / "provisioning"
    assert "url: http://prometheus:9090" in (provisioning / "datasources/prometheus.yml").read_text()
    assert "/var/lib/grafana/dashboards" in (provisioning / "dashboards/streamssl.yml").read_text()
