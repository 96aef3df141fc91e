"""A report's files in reports/<run_id>/: summary.json, thumbnails.json and the page that is drawn of them."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adclick.errors import SettingsError
from adclick.filesystem import exists, join, read_bytes

SUMMARY_FILE, THUMBNAILS_FILE, PAGE_FILE = "summary.json", "thumbnails.json", "index.html"


def thumbnails_of(outputs: Mapping[str, Mapping[str, str]]) -> bytes | None:
    """The pictures that RunReport left; None where it did not come so far."""
    left = outputs.get("RunReport", {}).get("summary")
    if left is None or not exists(join(left, THUMBNAILS_FILE)):
        return None
    return read_bytes(join(left, THUMBNAILS_FILE))


def read_report(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Summary and thumbnails of a report's folder. Raises SettingsError where there is no summary."""
    try:
        summary = json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{folder}: no {SUMMARY_FILE} in it; name a run whose folder has one") from None
    except ValueError as error:
        raise SettingsError(f"{folder / SUMMARY_FILE}: no JSON ({error}); run the pipeline again") from None
    pictures = folder / THUMBNAILS_FILE
    return summary, json.loads(pictures.read_text(encoding="utf-8")) if pictures.is_file() else {}


def draw(folder: Path) -> Path:
    """Writes the page of a report's folder anew; returns its file. Raises SettingsError."""
    from components.run_report.html.page import render

    file = folder / PAGE_FILE
    file.write_text(render(*read_report(folder)), encoding="utf-8")
    return file


def draw_or_say_why(folder: Path) -> None:
    """The page of a run that must not fail for want of one."""
    try:
        draw(folder)
    except Exception as error:  # whatever it is, the summary and the pushed model are whole
        reason = html.escape(f"{type(error).__name__}: {error}")
        (folder / PAGE_FILE).write_text(
            f"<!doctype html><title>No report</title><p>The report could not be drawn: {reason}.</p>"
            f"<p>The figures are in {SUMMARY_FILE}; <code>adclick report --rebuild</code> tries again.</p>",
            encoding="utf-8",
        )
