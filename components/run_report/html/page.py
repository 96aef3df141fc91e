"""The report of one run as a single HTML file: a summary and some thumbnails in, a page without any request out."""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from components.run_report.evidence import PARTS
from components.run_report.html import drawings
from components.run_report.html.charts import spark_histogram
from components.run_report.html.figures import Figures, breakable
from components.run_report.html.metrics_table import metric_rows
from components.run_report.html.slice_views import slice_groups
from components.run_report.html.verdict import bounds_view, verdict_view

HERE = Path(__file__).parent
SECTIONS = (
    ("verdict", "Verdict"),
    ("quality", "Quality"),
    ("slices", "Slices"),
    ("ranking", "Ranking and calibration"),
    ("creatives", "Creatives"),
    ("importance", "Importance"),
    ("data", "Data"),
    ("features", "Features"),
    ("training", "Training"),
    ("resources", "Time and memory"),
    ("lineage", "Lineage"),
    ("card", "Model card"),
)
EXPLAINING_A_STOP = ("verdict", "data", "features", "resources", "lineage")
LATER_KEYS = (
    *("files", "spans", "truth", "component_states", "component_resources", "lineage", "settings"),
    "slices_left_out",
)
"""Keys that a stopped run's summary, or one of an earlier release, may lack."""


def render(summary: Mapping[str, Any], thumbnails: Mapping[str, str]) -> str:
    """`thumbnails`: JPEG in base64 by a creative's path."""
    found = Figures(summary)
    whole = {**dict.fromkeys(LATER_KEYS), **summary}
    evidence = {**dict.fromkeys(PARTS), **(summary.get("evidence") or {})}
    return str(
        environment().get_template("page.html.j2").render(
            s=whole,
            e=evidence,
            num=found.num,
            get=found.get,
            verdict=verdict_view(summary),
            metrics=metric_rows(summary),
            models=models(summary),
            groups=slice_groups(summary),
            bounds=bounds_view(summary["verdict"]),
            thumbnails=thumbnails,
            sections=ordered_sections(summary),
            when=when(str(summary["run_id"])),
        )
    )  # fmt: skip


def ordered_sections(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The verdict, then what explains it: quality, or the data of a run that came to no model."""
    if summary["metrics"] is not None:
        return list(SECTIONS)
    return [one for one in SECTIONS if one[0] in EXPLAINING_A_STOP] + [
        one for one in SECTIONS if one[0] not in EXPLAINING_A_STOP
    ]


@functools.cache
def environment() -> jinja2.Environment:
    """Templates of this folder. Everything is escaped, and a name that is not there is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["breakable"] = breakable
    made.filters["json"] = lambda value: json.dumps(value, indent=1, ensure_ascii=False)
    made.globals.update(
        draw=drawings,
        spark=spark_histogram,
        style=(HERE / "style.css").read_text(encoding="utf-8"),
        script=(HERE / "sort.js").read_text(encoding="utf-8"),
    )
    return made


def models(summary: Mapping[str, Any]) -> drawings.Models:
    """The candidate, and over it, dashed, the model in service: equal ones are both seen."""
    curves = (summary.get("evidence") or {}).get("curves") or {}
    order = (("candidate", "candidate"), ("in service", "baseline"))
    return [(name, key, curves[key]) for name, key in order if key in curves]


def when(run_id: str) -> datetime.datetime | None:
    """When a run began, which its id says."""
    try:
        return datetime.datetime.strptime(run_id, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        return None
