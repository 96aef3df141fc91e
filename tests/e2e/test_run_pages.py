"""The page that a run leaves, and the one of a run that the data gate stopped."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest
from local_run import SMALL, Run, run_local

from components.run_report.html.figures import resolve

pytestmark = pytest.mark.e2e


def numbers(page: Path) -> list[tuple[str, object]]:
    """(JSON Pointer, value) of each number on a page."""
    found = re.findall(r'<data value="(.*?)" data-at="(.*?)">', page.read_text("utf-8"))
    return [(unescape(at), json.loads(unescape(value))) for value, at in found]


def test_a_runs_page_shows_its_summary_and_has_no_gap(first_run: Run) -> None:
    page = first_run.output / "reports" / "latest" / "index.html"
    text = page.read_text("utf-8")
    shown = numbers(page)
    assert len(shown) > 200
    for at, value in shown:
        assert resolve(first_run.summary, at) == value, at
    assert re.findall(r'class="gap">(.*?)<', text) == []
    assert text.count('src="data:image/jpeg;base64,') == sum(
        len(first_run.summary["evidence"]["creatives"][side]) for side in ("most", "least")
    )
    assert page.stat().st_size < 5_000_000
    assert f"report     {page.resolve()}" in first_run.text
    used = first_run.summary["component_resources"]
    assert set(used) == set(first_run.summary["component_seconds"])
    assert max(one["peak_rss_mb"] for one in used.values()) <= first_run.summary["peak_rss_mb"]
    assert used["AdExampleGen"]["output_bytes"] > 100_000


def test_a_stopped_runs_page_shows_what_was_refused(workspace: tuple[Path, Path]) -> None:
    data, output = workspace
    file = data / "month-1" / "impressions.csv"
    lines = file.read_text("utf-8").splitlines(keepends=True)
    lines[5] = lines[5].rstrip("\n")[:-1] + "7\n"
    file.write_text("".join(lines), "utf-8")
    stopped = run_local(data, output, settings=(*SMALL, "data.limits.max_rejected_share=0.0"))
    assert stopped.status == 4
    page = output / "reports" / "latest" / "index.html"
    text = page.read_text("utf-8")
    assert "Stopped: nothing was trained and pushed</h1>" in text
    assert [(one["line"], one["value"]) for one in stopped.summary["evidence"]["rejects"]] == [(6, "7")]
    assert ("/evidence/rejects/0/line", 6) in numbers(page)
    assert ("/evidence/features/span", 1) in numbers(page)
