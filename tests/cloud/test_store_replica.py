"""A local copy of a store's model folder: what is brought, what is refused, and what stays whatever the store says."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_servers import Store

from adclick.errors import AdclickError
from adclick.filesystem import remove_file, write_bytes
from adclick.folder_copies import remove_folder
from components.pusher.labels import read_labels
from components.pusher.lifecycle import Operator, delete_label, promote, roll_back, set_label
from components.pusher.pushing import push
from components.pusher.versions import WARMUP_FILE, model_digest, versions
from serving.replica.following import Changes, follow

ADA = Operator("ada", "clicks fell")


def pushed(root: Path, folder: str, *graphs: str) -> list[int]:
    """Versions with these graphs, oldest first."""
    found: list[int] = []
    for graph in graphs:
        model = root / f"exported-{graph}"
        (model / "variables").mkdir(parents=True)
        (model / "saved_model.pb").write_text(graph)
        (model / "variables" / "variables.index").write_text("weights")
        found.append(push(model, folder, found[-1] if found else None, f"run-{graph}", warmup=b"warm"))
    return found


@pytest.fixture
def folder(store: Store) -> str:
    return store.uri("serving/ads")


def test_the_newest_and_the_labelled_versions_come_and_the_others_go(folder: str, tmp_path: Path) -> None:
    here = tmp_path / "here" / "ads"
    first, second, third = pushed(tmp_path, folder, "a", "b", "c")
    assert follow(folder, here, keep=2) == Changes([third, second], [], {})
    assert model_digest(here / str(third)) == model_digest(tmp_path / "exported-c")
    assert (here / str(third) / WARMUP_FILE).read_bytes() == b"warm"
    assert follow(folder, here, keep=2) == Changes([], [], {})
    set_label(folder, "stable", first, ADA)
    assert follow(folder, here, keep=1) == Changes([first], [second], {})
    assert (versions(here), read_labels(here)) == ([first, third], {"stable": first})
    delete_label(folder, "stable", ADA)
    assert follow(folder, here, keep=1) == Changes([], [first], {})
    assert (versions(here), read_labels(here)) == ([third], {})


def test_a_rollback_and_a_promotion_arrive(folder: str, tmp_path: Path) -> None:
    here = tmp_path / "here"
    first, second = pushed(tmp_path, folder, "a", "b")
    follow(folder, here, keep=1)
    assert versions(here) == [second]
    roll_back(folder, first, ADA)
    assert follow(folder, here, keep=1) == Changes([first], [second], {})
    promote(folder, second, ADA)
    assert follow(folder, here, keep=1) == Changes([second], [first], {})
    assert sorted(path.name for path in here.iterdir()) == [str(second)]


def test_half_copied_and_altered_versions_are_left(folder: str, tmp_path: Path) -> None:
    here = tmp_path / "here"
    first, second = pushed(tmp_path, folder, "a", "b")
    write_bytes(f"{folder}/{second + 1}/variables/variables.index", b"under way")
    write_bytes(f"{folder}/{second}/variables/variables.index", b"altered")
    changes = follow(folder, here, keep=1)
    assert (changes.fetched, list(changes.refused)) == ([], [second])
    assert "not those that were pushed" in changes.refused[second]
    follow(folder, here, keep=2)
    assert versions(here) == [first]
    # What is here stays while the one that would take over is refused.
    assert follow(folder, here, keep=1).removed == []
    assert versions(here) == [first]


def test_what_was_left_unfinished_is_removed(folder: str, tmp_path: Path) -> None:
    here = tmp_path / "here"
    (version,) = pushed(tmp_path, folder, "a")
    (here / ".replica-7").mkdir(parents=True)
    (here / ".replica-7" / "saved_model.pb").write_text("torn")
    follow(folder, here, keep=1)
    assert sorted(path.name for path in here.iterdir()) == [str(version)]


def test_an_emptied_store_takes_nothing_away(folder: str, store: Store, tmp_path: Path) -> None:
    here = tmp_path / "here"
    (version,) = pushed(tmp_path, folder, "a")
    follow(folder, here, keep=1)
    remove_file(f"{folder}/{version}/saved_model.pb")
    with pytest.raises(AdclickError, match="no complete version"):
        follow(folder, here, keep=1)
    remove_folder(folder)
    with pytest.raises(AdclickError, match="no complete version"):
        follow(folder, here, keep=1)
    with pytest.raises(AdclickError, match="there is no bucket 'no-such-bucket-here'"):
        follow(f"{store.scheme}://no-such-bucket-here/ads", here, keep=1)
    assert versions(here) == [version]
