"""Entries about a model's versions."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from components.pusher.history import PUSHED, WITHDRAWN, Event, last_event, note, read_history


def test_entries_come_back_in_order(tmp_path: Path) -> None:
    before = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    written = [note(tmp_path, PUSHED, 5, "ada", "run r"), note(tmp_path, WITHDRAWN, 5, "bob", "wrong", "to 4")]
    assert read_history(tmp_path) == written
    assert written[1][1:] == ("withdrawn", 5, "bob", "wrong", "to 4")
    at = datetime.datetime.fromisoformat(written[0].at)
    assert at.tzinfo is datetime.timezone.utc
    assert before <= at <= datetime.datetime.now(datetime.timezone.utc)
    assert last_event(written, 5, WITHDRAWN) == written[1]
    assert last_event(written, 6, WITHDRAWN) is None


def test_many_at_once_lose_none(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: note(tmp_path, PUSHED, number, "x", ""), range(100)))
    assert sorted(event.version for event in read_history(tmp_path)) == list(range(100))


def test_what_is_no_entry_is_passed_over(tmp_path: Path) -> None:
    assert read_history(tmp_path) == []
    event = note(tmp_path, PUSHED, 5, "ada", "")
    (tmp_path / "history" / "0.json").write_text("{")
    (tmp_path / "history" / "1.json").write_text("[]")
    (tmp_path / "history" / "2.json.partial").write_text("{}")
    (tmp_path / "history" / "3.json").write_text(
        '{"at": "a", "action": "b", "version": 1, "who": "c", "reason": "d", "new": 1}'
    )
    assert read_history(tmp_path) == [event, Event("a", "b", 1, "c", "d")]
