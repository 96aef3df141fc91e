"""A CSV through the package's own plain functions, without TFX: ingest, creatives, transform, training, scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from configs.settings import Settings

Spoil = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]


class Prepared(NamedTuple):
    """What does not depend on model or trainer settings."""

    columns: Path
    store: Path | None
    """Creative store; None without images."""


class Scored(NamedTuple):
    """Click probabilities of the evaluation rows, in the order of the columns' rows."""

    score: npt.NDArray[np.float64]
    cpu_s: float
    """Of training and prediction, without ingest and transform."""


def prepare(settings: Settings, folder: Path) -> Prepared:
    """Ingests the CSV as AdExampleGen does and stores its creatives as CreativeGen does."""
    from components.creative_gen.normalising import normalise_creatives
    from components.creative_gen.store import Creative, write_store
    from components.example_gen.columns import split_folder
    from components.example_gen.ingest import Targets, ingest_block, plan_ingest
    from components.example_gen.spans import select_input
    from components.example_gen.splitting import EVAL, TRAIN

    data, table = settings.data, settings.features
    plan = plan_ingest(select_input(data.root, data.pattern, data.spans), data, table)
    columns = folder / "columns"
    examples = {split: str(folder / "examples" / split) for split in (TRAIN, EVAL)}
    split_uris = {split: split_folder(str(columns), split) for split in (TRAIN, EVAL)}
    for made in (*examples.values(), *split_uris.values()):
        Path(made).mkdir(parents=True)
    counts: dict[str, int] = {}
    for index, block in enumerate(plan.blocks):
        targets = Targets(examples, split_uris, str(folder / f"rejects-{index}"))
        result = ingest_block(index, block, plan.rule, data, table, targets)
        for path, (count, _) in result.creatives.items():
            counts[path] = counts.get(path, 0) + count
    if table.image is None:
        return Prepared(columns, None)
    creatives = [Creative(path, count, "", 0) for path, count in counts.items()]
    store = folder / "store"
    write_store(str(store), normalise_creatives(creatives, settings.image_root, settings.creatives), _px(settings))
    return Prepared(columns, store)


def transform(settings: Settings, prepared: Prepared, folder: Path) -> Path:
    """Writes graph and transformed Examples as Transform does; returns their folder."""
    from components.example_gen.columns import read_columns
    from components.example_gen.splitting import EVAL, TRAIN
    from components.transform.column_analysis import analyse
    from components.transform.column_transform import ColumnTransform, known_to, write_graph
    from pipeline.table_schema import table_schema

    columns, table = str(prepared.columns), settings.features
    schema = known_to(table_schema(table, 0.0), next(read_columns(columns)).schema)
    known = analyse(read_columns(columns, TRAIN), table, folder / "vocabularies")
    write_graph(table, schema, known, str(folder / "graph"))
    transformed = ColumnTransform(str(folder / "graph"), schema)
    for split in (TRAIN, EVAL):
        (folder / split).mkdir()
        transformed.write(columns, split, str(folder / split), shard_bytes=64 << 20)
    return folder


def train_and_score(
    settings: Settings, prepared: Prepared, transformed: Path, spoil: Spoil = lambda label: label
) -> Scored:
    """Trains as the Trainer does and scores the evaluation rows. `spoil`: other training labels for the true ones."""
    import tensorflow_transform as tft
    import tf_keras as keras

    from components.creative_gen.store import CreativePixels, read_pixels
    from components.example_gen.splitting import EVAL, TRAIN
    from trainer.dataset import Rows, load_rows
    from trainer.recipe import train, vocabulary_sizes
    from trainer.training_inputs import make_deterministic

    started = time.process_time()
    keras.backend.clear_session()
    make_deterministic(settings.trainer)
    table = settings.features
    output = tft.TFTransformOutput(str(transformed / "graph"))
    nothing = CreativePixels((), np.zeros((0, _px(settings), _px(settings), 3), np.uint8))
    store = read_pixels(str(prepared.store)) if prepared.store else nothing
    rows = load_rows([str(transformed / TRAIN / "*")], output, table, store)
    rows = Rows(rows.inputs, rows.creative, spoil(rows.label), rows.weight)
    trained = train(rows, table, vocabulary_sizes(table, output), store, settings.model, settings.trainer)
    unseen = load_rows([str(transformed / EVAL / "*")], output, table, store)
    return Scored(trained.probabilities(unseen).astype(np.float64), time.process_time() - started)


def raw_rows(prepared: Prepared, split: str) -> Any:
    """The split's parsed cells as a pandas.DataFrame; None where missing. In the order of the scores."""
    from components.example_gen.columns import read_columns

    return pa.Table.from_batches(list(_flat(read_columns(str(prepared.columns), split)))).to_pandas()


def _flat(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Lists of at most one value to that value."""
    for batch in batches:
        columns = []
        for column in batch.columns:
            places = np.cumsum(np.asarray(column.is_valid())) - 1
            indices = pa.array(places, mask=~np.asarray(column.is_valid()))
            values = column.flatten().take(indices)
            columns.append(values.cast(pa.string()) if pa.types.is_binary(values.type) else values)
        yield pa.RecordBatch.from_arrays(columns, batch.schema.names)


def _px(settings: Settings) -> int:
    return settings.creatives.image_px
