"""TFX's entry point into training: reads, fits, exports."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import tensorflow as tf

from adclick.filesystem import join, open_binary
from configs.settings import Model
from configs.settings import Trainer as TrainerSettings
from trainer.calibration_bins import calibration_bins
from trainer.carried_weights import write_weights
from trainer.dataset import Rows
from trainer.fitting import Epoch, set_aside
from trainer.hyperparameters import applied, decoded
from trainer.recipe import vocabularies
from trainer.servable import Servable, ServableCreatives
from trainer.training_inputs import TrainingInputs, make_deterministic, training_inputs


def run_fn(fn_args: Any) -> None:
    """`fn_args.custom_config`: as `training_inputs` takes it, and model and trainer as JSON.

    `fn_args.hyperparameters`: a tuner's best, as KerasTuner's config; they go before the settings. None: no tuner.
    """
    config = fn_args.custom_config
    model_settings = Model.model_validate_json(config["model"])
    settings = TrainerSettings.model_validate_json(config["trainer"])
    tuned = decoded(fn_args.hyperparameters["values"]) if fn_args.hyperparameters else {}
    if tuned:
        model_settings, settings = applied(model_settings, settings, tuned)
        print(f"tuned: {tuned}", flush=True)  # noqa: T201 - the component's log
    make_deterministic(settings)
    inputs = training_inputs(config, fn_args.transform_output)
    table, transform_output, store = inputs.table, inputs.transform_output, inputs.store
    rows = inputs.rows(fn_args.train_files)

    def note(epoch: Epoch) -> None:
        unseen = epoch.stopping_log_loss
        told = "on all rows" if unseen is None else f"in training, {unseen:.5f} on rows set aside"
        print(  # noqa: T201 - the component's log shows the training as it goes
            f"epoch {epoch.epoch}/{settings.epochs}: log loss {epoch.train_log_loss:.5f} {told}, {epoch.seconds:.1f} s",
            flush=True,
        )

    trained = inputs.train(rows, model_settings, settings, note)
    calibrating = trained.shift
    trained = trained._replace(shift=calibrating + inputs.sampling_shift)
    embedder = trained.embedder
    creatives = None
    if embedder.tower is not None:
        keys = store.keys or ("",)
        creatives = ServableCreatives(keys, embedder.all_embeddings(), embedder.tower, config["image_px"])
    unseen = _unseen_rows(fn_args, rows, settings, inputs)
    scores = trained.probabilities(unseen)
    bins = calibration_bins(scores, unseen.label, unseen.weight, kept_share=inputs.negative_sampling_rate)
    servable = Servable(table, transform_output, trained.model, creatives, trained.shift, bins)
    tf.saved_model.save(servable, fn_args.serving_model_dir, signatures=servable.signatures())
    tf.io.gfile.makedirs(join(fn_args.serving_model_dir, "assets.extra"))
    values = vocabularies(table, transform_output)
    write_weights(fn_args.serving_model_dir, trained.model, embedder, trained.shift, values)
    tf.io.gfile.makedirs(fn_args.model_run_dir)
    with open_binary(join(fn_args.model_run_dir, "training.json"), mode="wb") as stream:
        record = {
            "rows": len(rows),
            "tuned": tuned,
            "effects": [effect._asdict() for effect in trained.model.effects],
            "towers_share": trained.towers_share,
            "calibrating_slope": trained.slope,
            "calibrating_shift": calibrating,
            "sampling_shift": inputs.sampling_shift,
            "curve": [epoch._asdict() for epoch in trained.curve],
            "refit": [epoch._asdict() for epoch in trained.refit],
        }
        stream.write(json.dumps(record, indent=1).encode())


def _unseen_rows(fn_args: Any, rows: Rows, settings: TrainerSettings, inputs: TrainingInputs) -> Rows:
    """Rows that no weight was fitted on: the evaluation split, else those set aside of `rows`, be they none."""
    if fn_args.eval_files:
        return inputs.rows(fn_args.eval_files)
    stopping, _ = set_aside(len(rows), settings, np.random.default_rng(settings.seed))
    return rows.taken(stopping)
