"""The reference says of every key what it means and what it may be."""

import re

from streamssl.config import config_reference

ROWS = [
    [cell.strip() for cell in row.strip("|").split("|")]
    for row in config_reference().splitlines()
    if row.startswith("| `")
]


def test_every_key_says_what_it_is():
    for key, default, allowed, meaning in ROWS:
        assert re.fullmatch(r"`[a-z_.]+`", key)
        assert default.strip("`"), key
        assert allowed, key
        assert len(meaning) > 10, key
        assert meaning.endswith("."), key


def test_some_rows():
    rows = {key.strip("`"): (default, allowed) for key, default, allowed, _ in ROWS}
    assert rows["transport"] == ('`"sqlite"`', "`sqlite`, `kafka`")
    assert rows["metrics.port"] == ("`9464`", "whole number ≥ 0, ≤ 65,535")
    assert rows["pseudo_labels.precision"] == ("`0.95`", "number ≥ 0.5, < 1")
    assert rows["review.sampler"] == ('`"uncertainty"`', "`uncertainty`, `random`, `off`")
    assert rows["review.per_hour"] == ("`null`", "number > 0 or `null`")
    assert rows["review.max_per_hour"] == ("`null`", "whole number ≥ 0 or `null`")
    assert rows["mapping.labels.not"] == ('`"not"`', "text")
    assert rows["worker.id"] == ('`"worker-0"`', "text like `^[a-zA-Z0-9._-]{1,64}$`")
    assert rows["topics.events"] == ('`["events"]`', "list")
