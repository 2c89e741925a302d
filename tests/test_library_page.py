from __future__ import annotations

import doctest
from pathlib import Path


def test_every_block_of_the_page_runs() -> None:
    page = Path(__file__).parents[1] / "docs" / "library.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert failed == 0
    assert tried > 20
    blocks = page.read_text().split("```python\n")[1:]
    assert all(block.startswith(">>> ") for block in blocks)
