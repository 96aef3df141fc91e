"""TFX's entry point into training: reads, fits, exports."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tf_keras as keras

from adclick.filesystem import join, open_binary
from components.creative_gen.store import CreativePixels, read_pixels
from configs.features import FeatureTable
from configs.settings import Model
from configs.settings import Trainer as TrainerSettings
from trainer.calibration import sampling_shift
from trainer.calibration_bins import calibration_bins
from trainer.carried_weights import start_from, write_weights
from trainer.click_model import ClickModel
from trainer.dataset import Rows, load_rows
from trainer.fitting import CreativeEmbedder, Epoch, set_aside
from trainer.recipe import train, vocabularies, vocabulary_sizes
from trainer.servable import Servable, ServableCreatives


def run_fn(fn_args: Any) -> None:
    """`fn_args.custom_config`: features, model and trainer as JSON, image_px, negative_sampling_rate.

    And `creative_store`, its URI or None.
    """
    config = fn_args.custom_config
    table = FeatureTable.model_validate_json(config["features"])
    model_settings = Model.model_validate_json(config["model"])
    settings = TrainerSettings.model_validate_json(config["trainer"])
    keras.utils.set_random_seed(settings.seed)
    tf.config.experimental.enable_op_determinism()
    if settings.mixed_precision == "auto" and tf.config.list_physical_devices("GPU"):
        # bfloat16 has float32's range, so that no loss scaling is needed.
        keras.mixed_precision.set_global_policy("mixed_bfloat16")

    transform_output = tft.TFTransformOutput(fn_args.transform_output)
    side = config["image_px"]
    uri = config["creative_store"]
    store = read_pixels(uri) if uri else CreativePixels((), np.zeros((0, side, side, 3), np.uint8))
    rows = load_rows(fn_args.train_files, transform_output, table, store)

    def note(epoch: Epoch) -> None:
        unseen = epoch.stopping_log_loss
        told = "on all rows" if unseen is None else f"in training, {unseen:.5f} on rows set aside"
        print(  # noqa: T201 - the component's log shows the training as it goes
            f"epoch {epoch.epoch}/{settings.epochs}: log loss {epoch.train_log_loss:.5f} {told}, {epoch.seconds:.1f} s",
            flush=True,
        )

    kept_share = config["negative_sampling_rate"]
    thinned = sampling_shift(kept_share)
    sizes = vocabulary_sizes(table, transform_output)
    values = vocabularies(table, transform_output)
    earlier = settings.warm_start

    def start(model: ClickModel, embedder: CreativeEmbedder) -> None:
        if earlier is not None:
            found = start_from(earlier, model, embedder, values, -thinned)
            known = ", ".join(f"{name} {count} of {len(values[name])}" for name, count in found.values.items())
            towers = "and the layers" if found.towers else "without the layers, whose inputs are others"
            print(f"weights from {earlier}: {known} values, {towers}", flush=True)  # noqa: T201 - the component's log

    trained = train(rows, table, sizes, store, model_settings, settings, note, start if earlier else None)
    calibrating = trained.shift
    trained = trained._replace(shift=calibrating + thinned)
    embedder = trained.embedder
    creatives = None
    if embedder.tower is not None:
        keys = store.keys or ("",)
        creatives = ServableCreatives(keys, embedder.all_embeddings(), embedder.tower, side)
    unseen = _unseen_rows(fn_args, rows, settings, transform_output, table, store)
    bins = calibration_bins(trained.probabilities(unseen), unseen.label, unseen.weight, kept_share=kept_share)
    servable = Servable(table, transform_output, trained.model, creatives, trained.shift, bins)
    tf.saved_model.save(servable, fn_args.serving_model_dir, signatures=servable.signatures())
    tf.io.gfile.makedirs(join(fn_args.serving_model_dir, "assets.extra"))
    write_weights(fn_args.serving_model_dir, trained.model, embedder, trained.shift, values)
    tf.io.gfile.makedirs(fn_args.model_run_dir)
    with open_binary(join(fn_args.model_run_dir, "training.json"), mode="wb") as stream:
        record = {
            "rows": len(rows),
            "calibrating_slope": trained.slope,
            "calibrating_shift": calibrating,
            "sampling_shift": thinned,
            "curve": [epoch._asdict() for epoch in trained.curve],
            "refit": [epoch._asdict() for epoch in trained.refit],
        }
        stream.write(json.dumps(record, indent=1).encode())


def _unseen_rows(
    fn_args: Any,
    rows: Rows,
    settings: TrainerSettings,
    transform_output: tft.TFTransformOutput,
    table: FeatureTable,
    store: CreativePixels,
) -> Rows:
    """Rows that no weight was fitted on: the evaluation split, else those set aside of `rows`, be they none."""
    if fn_args.eval_files:
        return load_rows(fn_args.eval_files, transform_output, table, store)
    stopping, _ = set_aside(len(rows), settings, np.random.default_rng(settings.seed))
    return rows.taken(stopping)
