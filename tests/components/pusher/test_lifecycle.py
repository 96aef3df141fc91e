"""Rollback, promotion and labels on a local folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_folder import OPERATOR, exported, graph, pushed

from adclick.errors import AdclickError, SettingsError
from components.pusher.history import read_history
from components.pusher.labels import read_labels
from components.pusher.lifecycle import delete_label, promote, roll_back, set_label
from components.pusher.pushing import WithdrawnModelError, push
from components.pusher.versions import in_service, model_digest, read_record, versions, withdrawn_versions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ads"


def told(folder: Path) -> list[tuple[str, int, str, str, str]]:
    return [(one.action, one.version, one.who, one.reason, one.detail) for one in read_history(folder)]


def test_a_rollback_withdraws_the_version_in_service_and_says_who_and_why(tmp_path: Path, folder: Path) -> None:
    first, second, third = pushed(tmp_path, folder, "a", "b", "c")
    done = roll_back(folder, None, OPERATOR)
    assert done == (second, [third], {})
    assert (versions(folder), withdrawn_versions(folder)) == ([first, second], [third])
    assert graph(folder, f"withdrawn-{third}") == "c"
    assert told(folder)[-1] == ("withdrawn", third, "ada", "clicks fell", f"rolled back to version {second}")


def test_a_rollback_over_several_versions_withdraws_the_one_in_service_last(tmp_path: Path, folder: Path) -> None:
    first, second, third = pushed(tmp_path, folder, "a", "b", "c")
    assert roll_back(folder, first, OPERATOR).withdrawn == [second, third]
    assert in_service(folder) == first
    assert [event[1] for event in told(folder) if event[0] == "withdrawn"] == [second, third]


def test_a_rollback_to_the_version_in_service_changes_nothing(tmp_path: Path, folder: Path) -> None:
    first, second = pushed(tmp_path, folder, "a", "b")
    assert roll_back(folder, second, OPERATOR) == (second, [], {})
    assert versions(folder) == [first, second]


def test_what_cannot_be_rolled_back_to_is_told(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(AdclickError, match="no version is there, so there is none to go back to"):
        roll_back(folder, None, OPERATOR)
    first, second = pushed(tmp_path, folder, "a", "b")
    with pytest.raises(SettingsError) as raised:
        roll_back(folder, 7, OPERATOR)
    assert str(raised.value) == f"--to 7: no such version in {folder}; the versions are {first}, {second}"
    roll_back(folder, None, OPERATOR)
    with pytest.raises(AdclickError, match=f"version {first} is the only one, so there is none to go back to"):
        roll_back(folder, None, OPERATOR)
    with pytest.raises(SettingsError, match=f"was withdrawn from .*`adclick models promote {second}` puts it back"):
        roll_back(folder, second, OPERATOR)


def test_a_withdrawn_version_that_would_be_the_newest_gets_its_number_back(tmp_path: Path, folder: Path) -> None:
    first, second = pushed(tmp_path, folder, "a", "b")
    roll_back(folder, None, OPERATOR)
    assert promote(folder, second, OPERATOR) == second
    assert (versions(folder), withdrawn_versions(folder)) == ([first, second], [])
    assert told(folder)[-1] == ("restored", second, "ada", "clicks fell", "")


def test_a_withdrawn_version_that_others_passed_gets_a_new_number(tmp_path: Path, folder: Path) -> None:
    first, second = pushed(tmp_path, folder, "a", "b")
    roll_back(folder, None, OPERATOR)
    third = push(exported(tmp_path, "c"), folder, first, "run-c")
    assert third > second  # the number of a withdrawn version is not given again
    number = promote(folder, second, OPERATOR)
    assert versions(folder) == [first, third, number]
    assert (graph(folder, number), withdrawn_versions(folder)) == ("b", [])
    assert told(folder)[-1] == ("promoted", number, "ada", "clicks fell", f"withdrawn version {second}")


def test_an_older_version_is_copied_under_a_new_number(tmp_path: Path, folder: Path) -> None:
    first, second = pushed(tmp_path, folder, "a", "b")
    number = promote(folder, first, OPERATOR)
    assert number > second
    assert versions(folder) == [first, second, number]
    assert graph(folder, number) == "a"
    assert (folder / str(number) / "saved_model.pb").stat().st_nlink == 1  # a copy of its own
    old, new = read_record(folder, first), read_record(folder, number)
    assert old and new
    assert new.promoted_from == first
    assert (new.model_digest, new.baseline_version, new.run_id) == (old.model_digest, None, "run-a")
    assert new.displaced_digest == model_digest(exported(tmp_path, "b"))
    assert model_digest(folder / str(number)) == old.model_digest


def test_promoting_what_is_in_service_changes_nothing(tmp_path: Path, folder: Path) -> None:
    (first,) = pushed(tmp_path, folder, "a")
    assert promote(folder, first, OPERATOR) == first
    assert versions(folder) == [first]
    with pytest.raises(SettingsError, match=f"VERSION 7: no such version in .*; the versions are {first}"):
        promote(folder, 7, OPERATOR)


def test_a_model_placed_by_hand_can_be_rolled_back_and_promoted(tmp_path: Path, folder: Path) -> None:
    folder.mkdir()
    exported(tmp_path, "hand").rename(folder / "7")
    exported(tmp_path, "other").rename(folder / "8")
    assert roll_back(folder, None, OPERATOR).in_service == 7
    pushed_now = push(exported(tmp_path, "new"), folder, 7, "run")
    number = promote(folder, 8, OPERATOR)
    assert (number > pushed_now, graph(folder, number)) == (True, "other")
    record = read_record(folder, number)
    assert record is not None
    assert record.promoted_from == 8


def test_a_withdrawn_model_is_pushed_again_only_if_someone_asks_for_it(tmp_path: Path, folder: Path) -> None:
    """With two versions withdrawn, the baseline is another one, so that no cached push stands in the way."""
    first, second, third = pushed(tmp_path, folder, "a", "b", "c")
    roll_back(folder, first, OPERATOR)
    with pytest.raises(WithdrawnModelError) as raised:
        push(exported(tmp_path, "c"), folder, first, "run-again")
    event = read_history(folder)[-1]
    assert str(raised.value) == (
        f"the model is that of version {third}, which was withdrawn by ada on {event.at} (clicks fell); "
        f"`adclick models promote {third}` puts it back into service, --fresh trains and pushes again"
    )
    assert versions(folder) == [first]
    assert push(exported(tmp_path, "a"), folder, None, "run-again") == first  # what is in service stays so
    again = push(exported(tmp_path, "c"), folder, first, "run-fresh", push_withdrawn=True)
    assert versions(folder) == [first, again]
    assert withdrawn_versions(folder) == [second, third]


def test_the_model_that_a_promotion_displaced_is_not_pushed_again(tmp_path: Path, folder: Path) -> None:
    first, second = pushed(tmp_path, folder, "a", "b")
    number = promote(folder, first, OPERATOR)
    with pytest.raises(WithdrawnModelError, match=f"the one that version {number} was put in place of by ada on"):
        push(exported(tmp_path, "b"), folder, number, "run-again")
    promote(folder, second, OPERATOR)
    assert push(exported(tmp_path, "b"), folder, number, "run-again") == in_service(folder)


def test_labels_are_set_moved_and_taken_away(tmp_path: Path, folder: Path) -> None:
    first, second = pushed(tmp_path, folder, "a", "b")
    assert set_label(folder, "canary", second, OPERATOR) == {"canary": second}
    assert set_label(folder, "stable", first, OPERATOR) == {"canary": second, "stable": first}
    assert set_label(folder, "canary", first, OPERATOR) == {"canary": first, "stable": first}
    assert (folder / "labels.json").read_text() == f'{{\n "canary": {first},\n "stable": {first}\n}}'
    assert delete_label(folder, "stable", OPERATOR) == {"canary": first} == read_labels(folder)
    assert [event[::4] for event in told(folder)[-2:]] == [("labelled", "canary"), ("unlabelled", "stable")]
    assert roll_back(folder, first, OPERATOR).labels == {}


def test_a_label_on_a_withdrawn_version_is_told(tmp_path: Path, folder: Path) -> None:
    first, second = pushed(tmp_path, folder, "a", "b")
    set_label(folder, "canary", second, OPERATOR)
    assert roll_back(folder, first, OPERATOR).labels == {"canary": second}


@pytest.mark.parametrize("label", ["", "7", "a/b", "a b", "ä", "a" * 65, "-x"])
def test_a_label_that_a_url_would_not_take_is_refused(tmp_path: Path, folder: Path, label: str) -> None:
    (first,) = pushed(tmp_path, folder, "a")
    with pytest.raises(SettingsError, match="give a letter, then at most 63"):
        set_label(folder, label, first, OPERATOR)
    assert read_labels(folder) == {}


def test_labels_that_make_no_sense_are_told(tmp_path: Path, folder: Path) -> None:
    (first,) = pushed(tmp_path, folder, "a")
    with pytest.raises(SettingsError, match=f"VERSION 7: no such version in .*; the versions are {first}"):
        set_label(folder, "canary", 7, OPERATOR)
    with pytest.raises(SettingsError, match=r"label 'canary' is not set on .*; no label is set"):
        delete_label(folder, "canary", OPERATOR)
    for text in ("not JSON", "[]", '{"canary": "7"}', '{"canary": true}'):
        (folder / "labels.json").write_text(text)
        with pytest.raises(AdclickError, match="mend or remove it"):
            read_labels(folder)
