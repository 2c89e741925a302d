from __future__ import annotations

import doctest
from pathlib import Path

import pytest


@pytest.mark.parametrize(("name", "least"), [("library.md", 20), ("families.md", 5)])
def test_every_block_of_the_page_runs(name: str, least: int) -> None:
    page = Path(__file__).parents[1] / "docs" / name
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert failed == 0
    assert tried >= least
    blocks = page.read_text().split("```python\n")[1:]
    assert all(block.startswith(">>> ") for block in blocks)
