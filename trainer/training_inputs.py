"""What a training starts from: rows, vocabularies and creatives, as the Trainer and the tuner both read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tf_keras as keras
from threadpoolctl import threadpool_limits

from components.creative_gen.store import CreativePixels, read_pixels
from configs.features import FeatureTable
from configs.settings import Model
from configs.settings import Trainer as TrainerSettings
from trainer.calibration import sampling_shift
from trainer.carried_weights import start_from
from trainer.click_model import ClickModel
from trainer.dataset import Rows, load_rows
from trainer.fitting import CreativeEmbedder, Epoch
from trainer.recipe import Trained, train, vocabularies, vocabulary_sizes


class TrainingInputs(NamedTuple):
    """Read only: any number of models may be trained on it."""

    table: FeatureTable
    transform_output: tft.TFTransformOutput
    store: CreativePixels
    negative_sampling_rate: float
    """Share of the rows without a click that the data kept."""

    @property
    def sampling_shift(self) -> float:
        """To be added to the logits of a model that was trained on rows so thinned."""
        return sampling_shift(self.negative_sampling_rate)

    def rows(self, file_patterns: Sequence[str]) -> Rows:
        """Of transformed Examples."""
        return load_rows(file_patterns, self.transform_output, self.table, self.store)

    def train(self, rows: Rows, model: Model, trainer: TrainerSettings, note: Callable[[Epoch], None]) -> Trained:
        """With first weights from an earlier model where `trainer.warm_start` names one."""
        sizes = vocabulary_sizes(self.table, self.transform_output)
        start = None if trainer.warm_start is None else self._warm_start(trainer.warm_start)
        return train(rows, self.table, sizes, self.store, model, trainer, note, start)

    def _warm_start(self, earlier: str) -> Callable[[ClickModel, CreativeEmbedder], None]:
        values = vocabularies(self.table, self.transform_output)

        def start(model: ClickModel, embedder: CreativeEmbedder) -> None:
            found = start_from(earlier, model, embedder, values, -self.sampling_shift)
            known = ", ".join(f"{name} {count} of {len(values[name])}" for name, count in found.values.items())
            towers = "and the layers" if found.towers else "without the layers, whose inputs are others"
            print(f"weights from {earlier}: {known} values, {towers}", flush=True)  # noqa: T201 - the component's log

        return start


def training_inputs(config: Mapping[str, Any], transform_graph: str) -> TrainingInputs:
    """`config`: features as JSON, image_px, negative_sampling_rate, and the creative store's URI or None."""
    table = FeatureTable.model_validate_json(config["features"])
    side = config["image_px"]
    uri = config["creative_store"]
    store = read_pixels(uri) if uri else CreativePixels((), np.zeros((0, side, side, 3), np.uint8))
    return TrainingInputs(table, tft.TFTransformOutput(transform_graph), store, config["negative_sampling_rate"])


def make_deterministic(settings: TrainerSettings) -> None:
    """The same seed gives the same weights, whatever this process trained before."""
    keras.utils.set_random_seed(settings.seed)
    tf.config.experimental.enable_op_determinism()
    # BLAS splits its sums over as many threads as are free just then, and a fit repeats what rounding makes of that.
    threadpool_limits(1, user_api="blas")
    if settings.mixed_precision == "auto" and tf.config.list_physical_devices("GPU"):
        # bfloat16 has float32's range, so that no loss scaling is needed.
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
