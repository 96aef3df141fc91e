"""TFX's entry point into training: reads, fits, exports."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft
import tf_keras as keras

from adclick.filesystem import join, open_binary
from components.creative_gen.store import CreativePixels, read_pixels
from configs.features import Categorical, FeatureTable, Image
from configs.settings import Model
from configs.settings import Trainer as TrainerSettings
from trainer.analysis import vocabulary_name
from trainer.calibration_bins import calibration_bins
from trainer.click_model import ClickModel, embedded_features
from trainer.dataset import Rows, load_rows
from trainer.fitting import CreativeEmbedder, Epoch, calibrating_shift, fit, predict_logits, set_aside
from trainer.image_tower import ImageTower
from trainer.preprocessing import dense_names
from trainer.servable import Servable, ServableCreatives


def run_fn(fn_args: Any) -> None:
    """`fn_args.custom_config`: features, model and trainer as JSON, image_px, and the creative store's URI or None."""
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
    image = table.image if model_settings.use_images else None
    model, embedder = build(table, model_settings, settings, transform_output, image, store, rows.label, rows.weight)

    def note(epoch: Epoch) -> None:
        print(  # noqa: T201 - the component's log shows the training as it goes
            f"epoch {epoch.epoch}/{settings.epochs}: log loss {epoch.train_log_loss:.5f} in training, "
            f"{epoch.stopping_log_loss:.5f} on rows set aside, {epoch.seconds:.1f} s",
            flush=True,
        )

    curve = fit(model, embedder, rows, settings, note)
    shift = calibrating_shift(predict_logits(model, embedder, rows), rows)
    creatives = None
    if embedder.tower is not None:
        keys = store.keys or ("",)
        creatives = ServableCreatives(keys, embedder.all_embeddings(), embedder.tower, side)
    unseen = _unseen_rows(fn_args, rows, settings, transform_output, table, store)
    bins = calibration_bins(_probabilities(predict_logits(model, embedder, unseen), shift), unseen.label, unseen.weight)
    servable = Servable(table, transform_output, model, creatives, shift, bins)
    tf.saved_model.save(servable, fn_args.serving_model_dir, signatures=servable.signatures())
    tf.io.gfile.makedirs(fn_args.model_run_dir)
    with open_binary(join(fn_args.model_run_dir, "training.json"), mode="wb") as stream:
        record = {
            "rows": len(rows),
            "calibrating_shift": shift,
            "curve": [epoch._asdict() for epoch in curve],
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


def _probabilities(logits: npt.NDArray[np.float32], shift: float) -> npt.NDArray[np.float32]:
    """As the exported model computes them."""
    return tf.sigmoid(tf.constant(logits) + tf.constant(shift, tf.float32)).numpy()  # type: ignore[no-any-return]  # TensorFlow has no types


def build(
    table: FeatureTable,
    model_settings: Model,
    settings: TrainerSettings,
    transform_output: tft.TFTransformOutput,
    image: Image | None,
    store: CreativePixels,
    label: Any,
    weight: Any,
) -> tuple[ClickModel, CreativeEmbedder]:
    """An untrained model whose bias is the logit of the training click rate, and the tower's embedder."""
    rate = float(np.clip(np.average(label, weights=weight), 1e-4, 1.0 - 1e-4))
    sizes = {
        feature.name: transform_output.vocabulary_size_by_name(vocabulary_name(feature.name))
        for feature in table.of_kind(Categorical)
    }
    model = ClickModel(
        dense_names(table),
        embedded_features(table, sizes),
        model_settings,
        bias=float(np.log(rate) - np.log1p(-rate)),
        rows=len(label),
        seed=settings.seed,
    )
    tower = None
    if image is not None:
        tower = ImageTower(image.embedding_dim, model_settings.image_tower, model_settings.l2, settings.seed)
    return model, CreativeEmbedder(tower, store.pixels)
