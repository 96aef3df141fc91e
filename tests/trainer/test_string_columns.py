"""Dense strings become what preprocessing makes of the sparse ones."""

from __future__ import annotations

import pytest
import tensorflow as tf
from transform_sample import COLUMNS, TABLE, Sample, raw

from configs.features import STRING_KINDS, FeatureTable
from trainer.preprocessing import preprocess
from trainer.string_columns import StringColumns

NAMES = ["region", "campaign", "page", "topics", "creative"]


def test_values_are_those_of_the_transform_graph(sample: Sample) -> None:
    columns = {name: [*COLUMNS[name], None, "never seen", "a b|c"] for name in NAMES}
    dense = {name: tf.constant([value or "" for value in values]) for name, values in columns.items()}
    found = StringColumns(TABLE.model_inputs, TABLE, sample.output)(dense)
    expected = sample.output.transform_features_layer()(raw(**columns))
    assert sorted(found) == sorted(NAMES)
    assert len(set(found["region"].numpy().tolist())) > 2
    for name, value in found.items():
        one, other = (tf.sparse.to_dense(x) if isinstance(x, tf.SparseTensor) else x for x in (value, expected[name]))
        assert one.dtype == other.dtype
        assert one.numpy().tolist() == other.numpy().tolist(), name


@pytest.mark.parametrize(("name", "default"), [("region", "south"), ("page", "news"), ("topics", "tea|cars")])
def test_a_missing_value_is_its_default(sample: Sample, name: str, default: str) -> None:
    entries = [{**one, "default": default} if one["name"] == name else one for one in TABLE.model_dump()]
    table = FeatureTable.model_validate(entries)
    columns = {one.name: tf.constant(["", default]) for one in TABLE.model_inputs if isinstance(one, STRING_KINDS)}
    found = StringColumns(table.model_inputs, table, sample.output)(columns)[name]
    missing, given = (tf.sparse.to_dense(found) if isinstance(found, tf.SparseTensor) else found).numpy().tolist()
    assert missing == given
    if name != "region":
        sparse = tf.SparseTensor([[1, 0]], [default], [2, 1])  # the first row has no value
        expected = preprocess({name: sparse}, table, None)[name]  # type: ignore[arg-type]  # neither kind asks for any
        expected = tf.sparse.to_dense(expected) if isinstance(expected, tf.SparseTensor) else expected
        assert [missing, given] == expected.numpy().tolist()


def test_a_default_that_training_has_not_seen_is_rare(sample: Sample) -> None:
    """As trainer/preprocessing.py has it; written out, the same value is new. Two values are frequent."""
    entries = [{**one, "default": "nowhere"} if one["name"] == "region" else one for one in TABLE.model_dump()]
    table = FeatureTable.model_validate(entries)
    columns = {one.name: tf.constant(["", "nowhere"]) for one in TABLE.model_inputs if isinstance(one, STRING_KINDS)}
    assert StringColumns(table.model_inputs, table, sample.output)(columns)["region"].numpy().tolist() == [2, 3]
