"""The page of benchmarks is the one that the stored results give."""

from __future__ import annotations

from benchmarks.report import PAGE, page


def test_the_page_shows_the_stored_results() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m benchmarks.report"
