"""`adclick report`: opens a run's report, draws it anew, or sets two runs side by side."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from adclick.errors import AdclickError, SettingsError
from adclick.report_files import PAGE_FILE, SUMMARY_FILE, draw, read_report

LATEST = "latest"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("run", metavar="RUN", nargs="?", default=LATEST, help="id of a run, or its folder (latest)")
    parser.add_argument("--output-root", metavar="DIR", default="out", help="folder that `adclick run` wrote (out)")
    parser.add_argument("--rebuild", action="store_true", help="draw the page anew from summary.json")
    parser.add_argument("--compare", metavar=("A", "B"), nargs=2, help="one page with two runs side by side")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")


def run(args: argparse.Namespace) -> int:
    """Exit status: 0 with the page's path on standard output, 2 for a run that is not there."""
    reports = Path(args.output_root) / "reports"
    try:
        page = _compare(reports, *args.compare) if args.compare else _page(reports, args.run, args.rebuild)
    except AdclickError as error:
        print(f"adclick report: {error}", file=sys.stderr)
        return error.exit_status
    except OSError as error:
        print(f"adclick report: {error.filename}: {error.strerror or error}", file=sys.stderr)
        return 1
    print(page)
    if args.open:
        import webbrowser

        if not webbrowser.open(page.as_uri()):
            print(f"adclick report: no browser here; open {page.as_uri()} in one", file=sys.stderr)
    return 0


def _page(reports: Path, name: str, rebuild: bool) -> Path:
    folder = report_folder(reports, name)
    page = folder / PAGE_FILE
    return draw(folder) if rebuild or not page.is_file() else page


def _compare(reports: Path, a: str, b: str) -> Path:
    from components.run_report.html.comparison import render_comparison

    folders = [report_folder(reports, name) for name in (a, b)]
    first, second = (read_report(folder)[0] for folder in folders)
    page = folders[1].parent / f"compare-{first['run_id']}-{second['run_id']}.html"
    page.write_text(render_comparison(first, second), encoding="utf-8")
    return page


def report_folder(reports: Path, name: str) -> Path:
    """Of a run's id, of the beginning of one, of `latest`, or of a folder or file of a report.

    Raises SettingsError naming the runs that there are.
    """
    given = Path(name)
    for folder in (given, given.parent):
        if (folder / SUMMARY_FILE).is_file() and (folder is given or given.name in (SUMMARY_FILE, PAGE_FILE)):
            return folder.resolve()
    runs = sorted(child.name for child in reports.iterdir() if _is_run(child)) if reports.is_dir() else []
    if name == LATEST and (reports / LATEST / SUMMARY_FILE).is_file():
        return (reports / LATEST).resolve()
    found = [one for one in runs if one == name] or [one for one in runs if one.startswith(name)]
    if len(found) == 1:
        return (reports / found[0]).resolve()
    known = ", ".join(runs[-5:]) or "none yet"
    problem = "several runs begin so" if found else "no such run"
    raise SettingsError(f"{name}: {problem} in {reports}; the newest are {known} (--output-root names another folder)")


def _is_run(folder: Path) -> bool:
    return folder.name != LATEST and not folder.name.startswith(".") and (folder / SUMMARY_FILE).is_file()
