"""`adclick report`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adclick import cli
from adclick.report_files import draw_or_say_why

SUMMARY = {
    "rows": None,
    "splits": None,
    "creatives": None,
    "anomalies": [],
    "gate": None,
    "metrics": None,
    "baseline": None,
    "verdict": {"blessed": False, "reasons": ["out of memory"], "bounds": [], "canary": None},
    "pushed_version": None,
    "component_seconds": {},
    "peak_rss_mb": 12.5,
    "versions": {},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An output root with two runs."""
    for run_id in ("20260101T000000.000000Z", "20260201T000000.000000Z"):
        folder = tmp_path / "reports" / run_id
        folder.mkdir(parents=True)
        (folder / "summary.json").write_text(json.dumps({"run_id": run_id, **SUMMARY}))
    (tmp_path / "reports" / "latest").symlink_to("20260201T000000.000000Z")
    return tmp_path


def report(root: Path, *words: str) -> int:
    return cli.main(["report", "--output-root", str(root), *words])


def test_the_latest_report_is_drawn_where_it_is_missing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(root) == 0
    page = root / "reports" / "20260201T000000.000000Z" / "index.html"
    assert capsys.readouterr().out == f"{page}\n"
    assert "out of memory" in page.read_text("utf-8")


@pytest.mark.parametrize("name", ["20260101T000000.000000Z", "202601", "folder", "file"])
def test_a_run_is_named_by_id_or_place(root: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = root / "reports" / "20260101T000000.000000Z"
    given = {"folder": str(folder), "file": str(folder / "summary.json")}.get(name, name)
    assert report(root, given) == 0
    assert capsys.readouterr().out == f"{folder / 'index.html'}\n"


def test_a_page_is_drawn_anew_only_when_asked(root: Path) -> None:
    page = root / "reports" / "20260201T000000.000000Z" / "index.html"
    page.write_text("old")
    assert report(root) == 0
    assert page.read_text() == "old"
    assert report(root, "--rebuild") == 0
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_two_runs_side_by_side(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(root, "--compare", "202601", "latest") == 0
    page = Path(capsys.readouterr().out.strip())
    assert page.name == "compare-20260101T000000.000000Z-20260201T000000.000000Z.html"
    assert page.parent == root / "reports"
    assert page.read_text("utf-8").count("out of memory") == 2


@pytest.mark.parametrize(
    ("name", "problem"),
    [("2026", "2026: several runs begin so in "), ("7", "7: no such run in ")],
)
def test_a_run_that_is_not_there_names_those_that_are(
    root: Path, name: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(root, name) == 2
    message = capsys.readouterr().err
    assert problem in message
    assert "the newest are 20260101T000000.000000Z, 20260201T000000.000000Z" in message


def test_an_output_root_without_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(tmp_path) == 2
    assert "the newest are none yet" in capsys.readouterr().err


def test_a_summary_that_is_no_json_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "reports" / "latest" / "summary.json").write_text("{")
    assert report(root) == 2
    assert "summary.json: no JSON" in capsys.readouterr().err


def test_the_browser_is_asked_for_on_request(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda uri: asked.append(uri) is not None)
    assert report(root, "--open") == 0
    assert asked == [(root / "reports" / "20260201T000000.000000Z" / "index.html").as_uri()]
    assert f"no browser here; open {asked[0]} in one" in capsys.readouterr().err


def test_a_page_that_cannot_be_drawn_says_why(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text(json.dumps({"run_id": "<b>"}))
    draw_or_say_why(tmp_path)
    text = (tmp_path / "index.html").read_text("utf-8")
    assert "The report could not be drawn: KeyError: " in text
    assert "adclick report --rebuild" in text
