"""The page in headless Chromium, opened from a file as a person opens it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from components.run_report.html.comparison import render_comparison
from components.run_report.html.page import render

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
PROBE = """
<script>
const blocked = [];
addEventListener("securitypolicyviolation", (event) => blocked.push(event.blockedURI));
addEventListener("load", () => {
  const [widest, heading] = [document.documentElement, document.querySelector("#resources th[data-sort].right")];
  heading.querySelector("button").click();
  const first = [...document.querySelectorAll("#resources tbody th")].map((one) => one.textContent);
  parent.postMessage(JSON.stringify({
    inner: innerWidth, scroll: widest.scrollWidth, sort: heading.getAttribute("aria-sort"), first,
    fetched: performance.getEntriesByType("resource").map((one) => one.name), blocked,
  }), "*");
});
</script>"""

FRAME = """<!doctype html><body><iframe src="index.html" style="width:{}px;height:900px;border:0"></iframe><script>
addEventListener("message", (event) => document.body.textContent = event.data);
</script></body>"""
"""A window is at least 500 pixels wide, a frame is not."""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine (Debian: apt install chromium)")


def probed(text: str, folder: Path, width: int) -> dict[str, Any]:
    """What the page tells of itself in a window of that width."""
    (folder / "frame.html").write_text(FRAME.format(width), encoding="utf-8")
    (folder / "index.html").write_text(text.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    command = [
        str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        f"--user-data-dir={folder / 'profile'}", "--window-size=1400,900", "--virtual-time-budget=5000",
        "--dump-dom", (folder / "frame.html").as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    body = re.search(r"<body>(\{.*\})</body>", done.stdout)
    assert body, done.stderr
    loaded: dict[str, Any] = json.loads(unescape(body[1]))
    return loaded


@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_window_sorts_and_fetches_nothing(
    whole_summary: dict[str, Any], tmp_path: Path, width: int
) -> None:
    found = probed(render(whole_summary, {}), tmp_path, width)
    assert found["scroll"] <= found["inner"] == width
    assert found["sort"] == "descending"
    assert found["first"] == ["CreativeTrainer", "AdExampleGen"]  # 126.967 s before 1.4 s
    assert (found["fetched"], found["blocked"]) == ([], [])


def test_two_runs_fit_a_phone_too(whole_summary: dict[str, Any], tmp_path: Path) -> None:
    found = probed(render_comparison(whole_summary, whole_summary), tmp_path, 390)
    assert found["scroll"] <= found["inner"] == 390
    assert (found["fetched"], found["blocked"]) == ([], [])
