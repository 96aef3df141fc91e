"""What a person sees while the pipeline runs: a live table on a terminal, plain lines anywhere else."""

from __future__ import annotations

import os
import sys
import time
from pathlib import PurePath
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

WAITING, RUNNING = "waiting", "running"
STYLES = {
    WAITING: "dim",
    RUNNING: "bold cyan",
    "done": "green",
    "cached": "blue",
    "skipped": "dim",
    "failed": "bold red",
    "canceled": "bold red",
}


class Outcome(Protocol):
    """What became of one component, here or elsewhere."""

    @property
    def node_id(self) -> str:
        """Its name."""

    @property
    def state(self) -> str:
        """A key of `STYLES`."""

    @property
    def seconds(self) -> float:
        """How long it took."""

    @property
    def log(self) -> PurePath | str:
        """Where to read on; empty: nowhere."""


def terminal() -> TextIO:
    """Standard output as it was at the start, whatever is redirected while components run."""
    return os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)


class PlainProgress:
    """One line when a component ends."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._width = 0

    def say(self, text: str) -> None:
        """A line between components."""
        print(text, file=self._stream, flush=True)

    def planned(self, node_ids: list[str]) -> None:
        """Before the first component."""
        self._width = max((len(node_id) for node_id in node_ids), default=0)

    def started(self, node_id: str, seconds_ago: float = 0.0) -> None:
        """Nothing: the line comes when there is a result."""

    def noted(self, node_id: str, text: str) -> None:
        """A line of a component under way."""
        self.say(f"  {node_id:{self._width}}  {text}")

    def finished(self, result: Outcome) -> None:
        """One line."""
        line = f"  {result.node_id:{self._width}}  {result.state:7} {result.seconds:7.1f} s  {result.log}"
        self.say(line.rstrip())

    def close(self) -> None:
        """Nothing to put back."""


class LiveProgress:
    """A table of all components with state and time, redrawn as they go."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self._console = Console(file=stream)
        self._live: Live | None = None
        self._rows: dict[str, tuple[str, float, str]] = {}
        self._since: dict[str, float] = {}

    def say(self, text: str) -> None:
        """A line above the table."""
        self._console.print(text, highlight=False)

    def planned(self, node_ids: list[str]) -> None:
        """Draws the table."""
        from rich.live import Live

        self._rows = dict.fromkeys(node_ids, (WAITING, 0.0, ""))
        self._live = Live(
            get_renderable=self._table,
            console=self._console,
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def started(self, node_id: str, seconds_ago: float = 0.0) -> None:
        """Its clock runs."""
        self._since[node_id] = time.monotonic() - seconds_ago
        self._rows[node_id] = (RUNNING, 0.0, "")

    def noted(self, node_id: str, text: str) -> None:
        """A line of a component under way, above the table."""
        self._console.print(f"{node_id}: {text}", highlight=False, markup=False, soft_wrap=True)

    def finished(self, result: Outcome) -> None:
        """Its clock stands."""
        self._rows[result.node_id] = (result.state, result.seconds, PurePath(result.log).name)

    def close(self) -> None:
        """Leaves the table as it stands."""
        if self._live is not None:
            self._live.refresh()
            self._live.stop()
            self._live = None

    def _table(self) -> Table:
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        for heading, justify in (
            ("component", "left"),
            ("state", "left"),
            ("time", "right"),
            ("log", "left"),
        ):
            table.add_column(heading, justify=justify)  # type: ignore[arg-type]  # literals of rich's own
        for node_id, (state, seconds, log) in self._rows.items():
            shown = time.monotonic() - self._since[node_id] if state == RUNNING else seconds
            clock = "" if state == WAITING else f"{shown:.1f} s"
            table.add_row(node_id, f"[{STYLES[state]}]{state}[/]", clock, log)
        return table
