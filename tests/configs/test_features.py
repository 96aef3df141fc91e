"""Rules of the feature table."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from configs.features import EMBEDDED_KINDS, KINDS, FeatureTable, Ignore, Numeric, Text

LABEL = {"name": "clicked", "kind": "label"}


def table(*entries: dict[str, Any]) -> FeatureTable:
    return FeatureTable.model_validate([*entries, LABEL])


def everything() -> FeatureTable:
    return table(*({"name": f"a_{kind}", "kind": kind} for kind in KINDS if kind != "label"))


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([LABEL, LABEL], "feature 'clicked' stands twice in the table; keep one entry"),
        ([], "the table has 0 features of kind 'label'; it needs exactly one"),
        ([LABEL, {"name": "b", "kind": "label"}], "the table has 2 features of kind 'label'; it needs exactly one"),
        *(
            (
                [LABEL, {"name": "a", "kind": kind}, {"name": "b", "kind": kind}],
                f"the table has 2 features of kind {kind!r}; it needs at most one",
            )
            for kind in ("image", "timestamp", "weight")
        ),
        (
            [LABEL, {"name": "pic", "kind": "image"}, {"name": "pic_bytes", "kind": "key"}],
            "feature 'pic_bytes' is reserved for the bytes of 'pic'; rename it",
        ),
        *(
            (
                [{**LABEL, "impressions": "shown"}, *others],
                "feature 'clicked' has impressions: shown, which is no column of kind 'weight' that is kept; give the "
                "table the entry {name: shown, kind: weight}",
            )
            for others in (
                [],
                [{"name": "shown", "kind": "numeric"}],
                [{"name": "shown", "kind": "weight", "pii": "drop"}],
                [{"name": "importance", "kind": "weight"}],
            )
        ),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(entries: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(ValidationError) as raised:
        FeatureTable.model_validate(entries)
    assert raised.value.errors()[0]["msg"] == f"Value error, {told}"


def test_entries_are_found_by_name_and_kind() -> None:
    features = everything()
    assert "a_text" in features
    assert "b" not in features
    assert isinstance(features["a_numeric"], Numeric)
    assert [feature.name for feature in features.of_kind(Numeric, Text)] == ["a_numeric", "a_text"]
    assert [feature.embedding_dim for feature in features.of_kind(*EMBEDDED_KINDS)] == [4, 4, 4, 4]
    assert features.label.name == "clicked"
    assert features.label.required
    for found, name in (
        (features.image, "a_image"),
        (features.timestamp, "a_timestamp"),
        (features.weight, "a_weight"),
    ):
        assert found is not None
        assert found.name == name
    image = features.image
    assert image is not None
    assert image.bytes_name == "a_image_bytes"
    assert table().image is None


def test_a_name_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(KeyError, match="no feature 'b'; the table has a, clicked"):
        table({"name": "a", "kind": "key"})["b"]


def test_ignored_columns_are_not_written_and_the_model_sees_what_it_may() -> None:
    features = everything()
    assert [feature.name for feature in features if feature not in features.written] == ["a_ignore"]
    assert not any(isinstance(feature, Ignore) for feature in features.written)
    assert [feature.name for feature in features.model_inputs] == [
        f"a_{kind}" for kind in ("numeric", "bucketized", "categorical", "hashed", "text", "image", "timestamp")
    ]


def test_a_timestamp_from_which_nothing_is_made_is_no_model_input() -> None:
    assert table({"name": "t", "kind": "timestamp", "derive": []}).model_inputs == ()


def test_a_table_survives_json() -> None:
    features = everything()
    assert FeatureTable.model_validate_json(features.model_dump_json()) == features


def test_dropped_columns_are_known_to_the_header_and_to_nobody_else() -> None:
    features = table({"name": "email", "kind": "numeric", "pii": "drop"}, {"name": "ad", "kind": "key", "pii": "hash"})
    assert "email" in features
    for seen in (tuple(features), features.of_kind(Numeric), features.written, features.model_inputs):
        assert "email" not in [feature.name for feature in seen]
    assert [feature.name for feature in features.private] == ["email", "ad"]
    assert features.hashed_names == ("ad",)


def test_an_input_that_wants_a_hash_says_so_by_its_name() -> None:
    features = table({"name": "user", "kind": "hashed", "pii": "hash"}, {"name": "site", "kind": "hashed"})
    assert [feature.request_name for feature in features.model_inputs] == ["user_hashed", "site"]


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        ([{"name": "age", "kind": "numeric", "pii": "hash"}], "'age' of kind 'numeric' has pii: hash, which goes with"),
        ([{"name": "pic", "kind": "image", "pii": "hash"}], "'pic' of kind 'image' has pii: hash"),
        ([{"name": "clicked", "kind": "label", "pii": "drop"}], "'clicked' is the label, which cannot be dropped"),
        (
            [{"name": "user", "kind": "key", "pii": "hash"}, {"name": "user_hashed", "kind": "key"}],
            "'user_hashed' is reserved for the hash of 'user'",
        ),
    ],
)
def test_pii_that_cannot_be_kept_private_is_refused(entries: list[dict[str, str]], fault: str) -> None:
    label = [] if entries[0]["kind"] == "label" else [{"name": "clicked", "kind": "label"}]
    with pytest.raises(ValidationError, match=fault):
        FeatureTable.model_validate([*entries, *label])
