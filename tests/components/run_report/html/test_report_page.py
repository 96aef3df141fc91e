"""The report's page: every number is the summary's, nothing is fetched, and it can be read and walked by anyone."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from components.run_report.html import page
from components.run_report.html.figures import STYLES, resolve
from components.run_report.html.page import SECTIONS, render

NUMBER = re.compile(r"\d[\d.,]*")
VOID = {"meta", "link", "img", "br", "wbr", "input"}
SCALE = {"%": 0.01, "pp": 0.01, "s": 1, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "": 1}


class Page(HTMLParser):
    """Elements, the text outside of numbers, and the numbers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.prose: list[str] = []
        self.data: list[tuple[str, str, str]] = []
        """(pointer, value, text)."""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID and not (self.open and self.open[-1] == "svg"):
            self.open.append(tag)
        if tag == "data":
            self.data.append((dict(attrs)["data-at"] or "", dict(attrs)["value"] or "", ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if "data" in self.open:
            at, value, text = self.data[-1]
            self.data[-1] = (at, value, text + data)
        elif not {"style", "script", "svg", "code", "pre", "time", "title"} & set(self.open):
            self.prose.append(data)

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def thumbnails(whole_summary: dict[str, Any]) -> dict[str, str]:
    return {one["path"]: "/9j/4AAQ" for one in whole_summary["evidence"]["creatives"]["most"]}


@pytest.fixture
def whole(whole_summary: dict[str, Any], thumbnails: dict[str, str]) -> Page:
    return Page(render(whole_summary, thumbnails))


def shown(text: str) -> tuple[float, float]:
    """A number as it is shown, and half a unit of its last digit."""
    match = re.fullmatch(r"([+−-]|±)?([\d,]*\.?\d+)(?:e([+-]\d+))?(?:\u202f(.*))?", text)
    assert match, text
    sign, digits, exponent, unit = match.groups()
    scale = SCALE[unit or ""] * 10 ** int(exponent or 0)
    decimals = len(digits.partition(".")[2])
    return (-1 if sign in ("−", "-") else 1) * float(digits.replace(",", "")) * scale, 0.5 * 10**-decimals * scale


def test_every_number_is_the_summarys(whole: Page, whole_summary: dict[str, Any]) -> None:
    assert len(whole.data) > 200
    for at, value, text in whole.data:
        exact = resolve(whole_summary, at)
        assert json.loads(value) == exact, at
        number, half = shown(text)
        unit = 1 if not text.endswith("MB") or "_mb" not in at else 1e-6  # those are in MB already
        general = abs(exact) * 5e-4  # four significant digits
        assert abs(number * unit - exact) <= max(half * unit * 1.0001, general), (at, text, exact)


def test_the_metrics_stand_there_with_both_models(whole: Page, whole_summary: dict[str, Any]) -> None:
    places = {at for at, _, _ in whole.data}
    for key in whole_summary["metrics"]:
        assert f"/metrics/{key}" in places
        assert f"/baseline/metrics/{key}" in places
    for index in range(len(whole_summary["verdict"]["bounds"])):
        assert {f"/verdict/bounds/{index}/{key}" for key in ("value", "bound")} <= places
    for key in ("auc", "log_loss", "ece"):
        assert f"/difference/{key}/value" in places
    assert {"/evidence/importance/0/auc_drop", "/component_resources/AdExampleGen/peak_rss_mb"} <= places
    assert "/files/month~11.csv/rejected" in places


def test_no_number_stands_in_the_prose_but_in_fixed_words(whole: Page, whole_summary: dict[str, Any]) -> None:
    """Fixed words are the templates' own, names of metrics, and the summary's texts (names, reasons, versions)."""
    files = [*page.HERE.rglob("*.j2"), page.HERE / "metrics_table.py"]
    fixed = " ".join(file.read_text("utf-8") for file in files)
    known = set(NUMBER.findall(fixed)) | set(NUMBER.findall(" ".join(texts(whole_summary))))
    for words in whole.prose:
        assert set(NUMBER.findall(words)) <= known, words


def texts(document: Any) -> list[str]:
    """All strings of a document, keys too."""
    if isinstance(document, dict):
        return [text for key, value in document.items() for text in (key, *texts(value))]
    if isinstance(document, list):
        return [text for value in document for text in texts(value)]
    return [document] if isinstance(document, str) else []


@pytest.mark.parametrize("fixture", ["whole_summary", "stopped_summary"])
def test_nothing_is_fetched(fixture: str, request: pytest.FixtureRequest) -> None:
    text = render(request.getfixturevalue(fixture), {})
    found = Page(text)
    for name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
        for tag, attributes in found.tags:
            assert re.match(r"#|data:", attributes.get(name) or "#"), (tag, attributes)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|https?:", text)
    policy = next(one["content"] or "" for one in found.attributes("meta") if one.get("http-equiv"))
    assert policy.startswith("default-src 'none';")


def test_the_verdict_comes_first_and_says_it_in_the_title(whole: Page, whole_summary: dict[str, Any]) -> None:
    assert next(one["id"] for one in whole.attributes("section")) == "verdict"
    text = render(whole_summary, {})
    assert "<title>Blessed and in service – run 20260102T030405.678901Z</title>" in text
    assert text.index("Blessed and in service</h1>") < text.index('id="quality"')


def test_it_can_be_walked_by_keyboard_and_read_aloud(whole: Page) -> None:
    ids = [attributes["id"] for _, attributes in whole.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [one["href"] or "" for one in whole.attributes("a")]
    assert targets[0] == "#verdict"
    assert {f"#{key}" for key, _ in SECTIONS} <= set(targets)
    assert all(target[1:] in ids for target in targets)
    for section in whole.attributes("section"):
        assert section["aria-labelledby"] in ids
    assert [tag for tag, _ in whole.tags].count("h1") == 1
    assert [tag for tag, _ in whole.tags].count("main") == 1
    assert all(one.get("scope") in ("col", "row") for one in whole.attributes("th"))
    assert all(one.get("alt") for one in whole.attributes("img"))
    assert all(one.get("role") == "img" and one.get("aria-label") for one in whole.attributes("svg"))
    assert whole.attributes("html") == [{"lang": "en"}]
    assert any(one.get("content") == "width=device-width, initial-scale=1" for one in whole.attributes("meta"))


def test_values_from_the_data_stay_text(whole_summary: dict[str, Any]) -> None:
    text = render(whole_summary, {})
    assert "<script>alert(1)" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 4  # three examples of a reject, one anomaly


def test_pictures_are_inside(whole: Page, whole_summary: dict[str, Any], thumbnails: dict[str, str]) -> None:
    assert [one["src"] for one in whole.attributes("img")] == ["data:image/jpeg;base64,/9j/4AAQ"] * 12
    assert "".join(whole.prose).count("no picture") == 12
    largest = render(whole_summary, dict.fromkeys(thumbnails, "A" * 20_000))
    assert len(largest.encode()) < 5_000_000


@pytest.mark.parametrize(
    ("changes", "heading", "tone"),
    [
        ({"pushed_version": None}, "Blessed, but not in service", "careful"),
        ({"pushed_version": None, "verdict": "refused"}, "Not blessed: nothing was pushed", "bad"),
        ({"verdict": "broken"}, "In service, though a bound does not hold", "careful"),
    ],
)
def test_each_verdict_is_told(whole_summary: dict[str, Any], changes: dict[str, Any], heading: str, tone: str) -> None:
    verdict = whole_summary["verdict"]
    verdict["reasons"] = ["AUC change -0.0200 is not ≥ -0.005"]
    if changes.get("verdict") == "refused":
        verdict["blessed"] = False
    if changes.get("verdict") == "broken":
        verdict["bounds"][0]["held"] = False
    whole_summary["pushed_version"] = changes.get("pushed_version", whole_summary["pushed_version"])
    text = render(whole_summary, {})
    assert f'<div class="banner {tone}">' in text
    assert f"{heading}</h1>" in text
    assert "<li>AUC change -0.0200 is not ≥ -0.005</li>" in text


def test_a_stopped_run_says_why_and_what_is_missing(stopped_summary: dict[str, Any]) -> None:
    text = render(stopped_summary, {})
    assert "Stopped: nothing was trained and pushed</h1>" in text
    assert [one["id"] for one in Page(text).attributes("section")][:3] == ["verdict", "data", "features"]
    assert "<li>the data gate stops the run: 0.2 &gt; 0.01</li>" in text
    gaps = re.findall(r'<p class="gap">(.*?)</p>', text)
    assert len(gaps) >= 8
    for words in ("No model was measured", "No curves", "No statistics", "No training curve", "The data gate was not"):
        assert any(gap.startswith(words) for gap in gaps), words


def test_every_part_may_be_missing(whole_summary: dict[str, Any]) -> None:
    for key in whole_summary["evidence"]:
        assert "</html>" in render({**whole_summary, "evidence": {**whole_summary["evidence"], key: None}}, {})
    for key in page.LATER_KEYS:
        assert "</html>" in render({name: value for name, value in whole_summary.items() if name != key}, {})
    assert "</html>" in render({**whole_summary, "baseline": None, "evidence": None}, {})
    assert "Not measured in this run" in render({**whole_summary, "evidence": None}, {})


def test_a_metric_that_is_new_here_goes_by_its_key(whole_summary: dict[str, Any]) -> None:
    whole_summary["metrics"] |= {"brand_new": 0.125, "auc_low": 0.7, "auc_high": 0.8}
    found = Page(render(whole_summary, {}))
    assert ("/metrics/brand_new", "0.125", "0.1250") in found.data
    assert ("/metrics/auc_low", "0.7", "0.7000") in found.data


def measured(auc: float, clicks: float = 90.0) -> dict[str, Any]:
    """A slice as the evaluator measures it, with intervals."""

    def triple(value: float) -> dict[str, float]:
        return {"value": value, "low": value - 0.05, "high": value + 0.05}

    names = ("auc", "log_loss", "calibration_ratio", "ece", "mean_label")
    return {
        "slice": {"device": f"d{auc:g}"}, "count": 1000, "weight": 1000.0, "clicks": clicks,
        "candidate": dict.fromkeys(names, triple(auc)), "baseline": dict.fromkeys(names, triple(auc - 0.1)),
        "difference": {"auc": triple(0.1)},
    }  # fmt: skip


def test_the_evaluators_own_slices_come_with_their_intervals(whole_summary: dict[str, Any]) -> None:
    whole_summary["slices"] = [measured(0.6), measured(0.8), measured(0.9, clicks=3.0)]
    whole_summary["slices_left_out"] = 7
    whole_summary["difference"] = {
        "auc": {"value": 0.03, "low": 0.01, "high": 0.05},
        "log_loss": {"value": -0.02, "low": -0.05, "high": 0.01},
    }
    text = render(whole_summary, {})
    found = {at: (value, shown) for at, value, shown in Page(text).data}
    assert found["/slices/1/candidate/auc/value"] == ("0.8", "0.8000")
    assert found["/slices/1/baseline/auc/value"][1] == "0.7000"
    assert found["/slices/0/candidate/auc/low"][1] == "0.5500"
    assert found["/slices/0/difference/auc/high"][1] == "+0.1500"
    assert found["/difference/auc/value"][1] == "+0.0300"
    assert found["/difference/auc/low"][1] == "+0.0100"
    assert '<span class="better higher"><data value="0.03" data-at="/difference/auc/value">' in text
    assert '<span class="same lower"><data value="-0.02" data-at="/difference/log_loss/value">' in text
    assert found["/slices_left_out"][1] == "7"
    names = re.findall(r'<span class="name">(d[\d.]+)<small>', text)
    assert names == ["d0.9", "d0.8", "d0.6"]
    assert text.count("too few to tell") == 1


def test_bounds_of_slices_are_shown_at_once_where_they_failed(whole_summary: dict[str, Any]) -> None:
    bound = {"name": "AUC change", "value": -0.03, "relation": "≥", "bound": -0.01, "low": -0.05, "high": -0.02}
    verdict = whole_summary["verdict"]
    whole = len(verdict["bounds"])
    verdict["bounds"] += [
        {**bound, "slice": "device=phone", "state": "unclear", "held": True, "note": ""},
        {**bound, "slice": "device=desktop", "state": "failed", "held": False, "note": "p 0.001"},
    ]
    small = {"slice": "device=tv", "rows": 9, "clicks": 0, "reason": "9 rows, fewer than 100"}
    verdict["slices_too_small"] = {"count": 4, "largest": [small]}
    text = render(whole_summary, {})
    first, rest = text.split("<summary>Bounds of slices</summary>")
    assert "<small>device=desktop</small><small>p 0.001</small>" in first
    assert f'data-at="/verdict/bounds/{whole + 1}/low">−0.0500</data>' in first
    assert "device=phone" not in first
    assert "unclear</span>" in rest
    assert 'Slices too small to decide: <data value="4" data-at="/verdict/slices_too_small/count">4</data>' in rest
    assert "<li>device=tv: 9 rows, fewer than 100</li>" in rest


def test_a_forced_blessing_names_who_why_and_what_was_overruled(whole_summary: dict[str, Any]) -> None:
    force = {"who": "ada", "reason": "a day is missing", "at": "", "overruled": ["AUC change is too low"]}
    whole_summary["verdict"]["force"] = force
    text = render(whole_summary, {})
    assert '<div class="banner careful">' in text
    assert "In service by an operator&#39;s word, against the gate</h1>" in text
    assert "<li>ada: a day is missing</li><li>AUC change is too low</li>" in text


@pytest.mark.parametrize(
    ("style", "value", "text"),
    [
        ("fixed4", 0.73820500, "0.7382"),
        ("signed", -0.0012, "−0.0012"),
        ("signed", 0.0, "±0"),
        ("points", -0.0123, "−1.23\u202fpp"),
        ("percent", 0.0854, "8.5\u202f%"),
        ("percent", 0.0002, "0.02\u202f%"),
        ("percent", 0.0, "0.0\u202f%"),
        ("general", 5.9e-8, "5.90e-08"),
        ("day", 1_768_580_000, "2026-01-16"),
        ("general", -0.005, "−0.005"),
        ("general", 4.0, "4"),
        ("general", 1234.56, "1235"),
        ("seconds", 126.967, "127\u202fs"),
        ("seconds", 0.014, "0.0\u202fs"),
        ("bytes", 1_234_567, "1.2\u202fMB"),
        ("bytes", 999, "999\u202fB"),
        ("megabytes", 1843.3, "1,843\u202fMB"),
    ],
)
def test_numbers_are_told_so(style: str, value: float, text: str) -> None:
    assert STYLES[style](value) == text


def test_templates_are_packed() -> None:
    setup = (Path(page.__file__).parents[3] / "setup.py").read_text("utf-8")
    for pattern in ("*.j2", "*.css", "*.js", "sections/*.j2"):
        assert f'"{pattern}"' in setup
        assert list(page.HERE.glob(pattern))
