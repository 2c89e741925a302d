"""What is shown of the asking."""

import math

import pytest

from streamssl.monitoring.metrics import Metrics
from tests.engine.world import World


def shown(world):
    metrics = Metrics()
    metrics.show(world.state, {}, 0.0)
    return metrics.registry.get_sample_value


def asked(tmp_path, **review):
    world = World(tmp_path, review={"share": 0.5, "expires_after_seconds": 1, **review})
    for i in range(40):
        world.settle(world.event(f"g{i}", {"x": 5.0 * (i % 2)}, label="ham" if i % 2 else "spam"))
    world.step(*[world.event(f"e{i}", {"x": 5.0 * (i % 2)}) for i in range(300)])
    return world


def test_reasons_and_caps_sum_up_to_what_was_asked_and_swallowed(tmp_path):
    value = shown(asked(tmp_path, max_per_hour=50))
    reasons = ("random", "uncertain", "cold-start", "rare-class")
    by_reason = [value("streamssl_review_asked_total", {"reason": reason}) or 0 for reason in reasons]
    assert sum(by_reason) == value("streamssl_review_requests_total", {"outcome": "asked"}) == 50
    capped = value("streamssl_review_capped_total", {"cap": "hour"})
    assert capped == value("streamssl_review_requests_total", {"outcome": "capped"}) > 20


def test_shares_and_the_budget(tmp_path):
    value = shown(asked(tmp_path, per_hour=600, doubles=0.25))
    assert value("streamssl_review_budget_requests", {"per": "hour"}) == 480
    assert value("streamssl_review_budget_requests", {"per": "day"}) is None, "none is configured"
    share, promised = (value(f"streamssl_review_{name}_ratio") for name in ("share", "promised_share"))
    assert share == pytest.approx(480 / 60 / 340, rel=0.01), "a minute's worth, as long as a minute has not passed"
    assert math.log2(0.5 / promised).is_integer()
    assert promised <= share < 2 * promised
    assert 0.3 <= value("streamssl_review_control_ratio") <= 3
    assert value("streamssl_review_raise_ratio") >= 0
    assert value("streamssl_review_reach_ratio") == 1


def test_open_expired_and_given_back(tmp_path):
    world = asked(tmp_path)
    n_open = shown(world)("streamssl_review_open_requests")
    assert n_open > 100
    for request in world.of("review-requests")[-60:]:
        world.settle(world.label(request["event"]["id"], "ham", request_id=request["request_id"]))
    world.time += 60_000
    world.step(world.event("late", {"x": 0.0}))
    value = shown(world)
    assert value("streamssl_review_requests_total", {"outcome": "expired"}) == n_open - 60
    assert value("streamssl_review_returned_requests_total") > 5
    assert value("streamssl_review_open_requests") <= 1
