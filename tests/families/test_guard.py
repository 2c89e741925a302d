from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamssl.families.guard import Guard

RIGHT, WRONG = {"a": 0.8, "b": 0.2}, {"a": 0.3, "b": 0.7}


def after(n: int, base: dict[str, float], family: dict[str, float]) -> Guard:
    guard = Guard()
    for _ in range(n):
        guard.learn(base, family, "a")
    return guard


def test_a_family_that_harms_is_silenced() -> None:
    guard = after(20, RIGHT, WRONG)
    assert guard.weight < 1e-6
    assert guard.gain < 0
    assert guard.blend(RIGHT, WRONG)["a"] == pytest.approx(0.8)


def test_a_family_that_helps_decides() -> None:
    guard = after(20, WRONG, RIGHT)
    assert guard.weight > 1 - 1e-6
    assert guard.gain > 0


def test_it_changes_its_mind() -> None:
    guard = after(1000, WRONG, RIGHT)
    for _ in range(150):
        guard.learn(RIGHT, WRONG, "a")
    assert guard.weight < 0.01


def test_confidence_alone_does_not_win_against_being_right() -> None:
    """The base is right nine times in ten and much too sure; the family is never sure and right half the time."""
    guard = Guard()
    for i in range(100):
        y = "b" if i % 10 == 0 else "a"
        guard.learn({"a": 1.0}, {"a": 0.55, "b": 0.45} if i % 2 else {"a": 0.45, "b": 0.55}, y)
    assert guard.weight < 0.01


def test_who_has_no_opinion_is_neither_asked_nor_judged() -> None:
    guard = Guard(0.2)
    guard.learn({}, RIGHT, "a")
    guard.learn(RIGHT, {}, "a")
    assert guard.weight == pytest.approx(0.2)
    assert guard.gain == 0
    assert guard.blend({}, RIGHT) == RIGHT
    assert guard.blend(WRONG, {}) == WRONG
    assert guard.blend({}, {}) == {}


def test_a_label_of_weight_two_is_two_at_once() -> None:
    one, two = Guard(), Guard()
    one.learn(RIGHT, WRONG, "a", 2.0)
    two.learn(RIGHT, WRONG, "a")
    two.learn(RIGHT, WRONG, "a")
    assert one.weight == pytest.approx(two.weight, rel=0.02)


probabilities = st.dictionaries(st.sampled_from("abc"), st.floats(1e-9, 1), min_size=1)


@given(base=probabilities, family=probabilities, labels=st.lists(st.sampled_from("abcd"), max_size=300))
def test_what_it_says_is_a_distribution(
    base: dict[str, float], family: dict[str, float], labels: list[str]
) -> None:
    guard = Guard()
    for y in labels:
        guard.learn(base, family, y)
    assert 0 <= guard.weight <= 1
    assert sum(guard.blend(base, family).values()) == pytest.approx(1)


@pytest.mark.parametrize("share", [0, 1, -0.5, float("nan")])
def test_a_share_that_can_never_change_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        Guard(share)
