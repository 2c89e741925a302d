"""The rules: promtool accepts them and runs their tests, and every alert has its test and its page."""

import re
from pathlib import Path

import yaml

from tests.deploy.test_files import check, needed

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
GROUPS = [group for path in PROMETHEUS.glob("rules/*.yml") for group in yaml.safe_load(path.read_text())["groups"]]
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule}
TESTS = [test for path in PROMETHEUS.glob("tests/*.yml") for test in yaml.safe_load(path.read_text())["tests"]]


def test_promtool_accepts_the_rules():
    check([needed("promtool", "Debian's package prometheus"), "check", "rules", *PROMETHEUS.glob("rules/*.yml")])


def test_the_rules_do_what_they_should():
    check([needed("promtool", "Debian's package prometheus"), "test", "rules", *PROMETHEUS.glob("tests/*.yml")])


def test_every_alert_is_tested_speaking_and_silent():
    tested = [each for test in TESTS for each in test.get("alert_rule_test", [])]
    speaking = {each["alertname"] for each in tested if each.get("exp_alerts")}
    others = {each["alertname"] for each in tested if not each.get("exp_alerts")}
    several = {
        alert
        for test in TESTS
        for alert in ALERTS
        if len({re.search(r'instance="([^"]*)"', series["series"])[1] for series in test["input_series"]}) > 1
        and any(each["alertname"] == alert for each in test.get("alert_rule_test", []))
    }
    assert speaking == set(ALERTS)
    assert others | several == set(ALERTS)


def test_every_alert_has_a_section_in_the_runbook():
    runbook = (ROOT / "docs/runbook.md").read_text()
    sections = {title: text for title, _, text in (each.partition("\n") for each in runbook.split("\n## ")[1:])}
    assert list(sections) == list(ALERTS), "one section an alert, in their order"
    for name, alert in ALERTS.items():
        assert alert["annotations"]["runbook_url"].endswith(f"docs/runbook.md#{name.lower()}")
        assert alert["labels"]["severity"] in ("page", "ticket")
        for part in ("**Means.**", "**Look at.**", "**Do.**"):
            assert part in sections[name], f"{name}: {part}"


def test_promised_precision_is_the_services_default():
    from streamssl.config import Config

    rules = {rule["record"]: rule["expr"] for group in GROUPS for rule in group["rules"] if "record" in rule}
    assert rules["streamssl:pseudo_label_promise:ratio"] == f"vector({Config().pseudo_labels.precision})"
