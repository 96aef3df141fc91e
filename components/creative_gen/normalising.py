"""Reads, checks and normalises distinct creatives side by side; what an earlier store holds is taken from there."""

from __future__ import annotations

import functools
import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from components.creative_gen.image_checks import Fault, UnusableCode, check_header, check_size
from components.creative_gen.image_folder import ImageFolder
from components.creative_gen.previous_store import PreviousStore
from components.creative_gen.side_by_side import CORES, in_order
from components.creative_gen.store import Creative, Outcome, Pixels, Source
from configs.settings import Creatives
from trainer.image_graph import normalise_image

_GRAPH_NAMES = re.compile(r"\[*\{\{.*?\}\}\]*|\[Op:.*?\]")  # what TensorFlow calls its nodes tells nothing of the image


def normalise_creatives(
    creatives: Sequence[Creative], image_root: str, limits: Creatives, previous: PreviousStore | None = None
) -> Iterator[Outcome]:
    """What becomes of each creative, in the order given. Raises OSError for one that is there and cannot be read.

    Threads help: reading and decoding both leave the interpreter.
    """
    folder = ImageFolder(image_root, [creative.path for creative in creatives])
    decode = _Decoder(limits.image_px)

    def outcome(creative: Creative) -> Outcome:
        missing = Fault(UnusableCode.MISSING, f"no file {folder.uri(creative.path)}")
        look = folder.look(creative.path)
        if look is None:
            return Outcome(creative, missing)
        fault = check_size(look.size_bytes, limits)
        if fault is not None:
            return Outcome(creative, fault, Source(look.token, None))
        source = previous.known(creative.path, look.token) if previous else None
        if previous and source:
            result = previous.result(source.sha256)
            if result is not None:
                return Outcome(creative, result, source, was_reused=True)
        encoded = folder.read(creative.path)
        if encoded is None:
            return Outcome(creative, missing)
        source = Source(look.token, hashlib.sha256(encoded).hexdigest())
        result = previous.result(source.sha256) if previous else None
        if result is None:
            result = check_header(encoded, limits) or decode(encoded)
        return Outcome(creative, result, source, was_read=True)

    return in_order(outcome, creatives)


class _Decoder:
    """Traces its graph at the first use: a run that finds all in an earlier store needs none."""

    def __init__(self, image_px: int) -> None:
        self._image_px = image_px
        self._tracing = threading.Lock()
        self._cores = threading.Semaphore(CORES)  # few large images at once: decoded, one may take a gigabyte

    def __call__(self, encoded: bytes) -> Pixels | Fault:
        with self._tracing:
            graph = _graph(self._image_px)
        try:
            with self._cores:
                return np.asarray(graph(tf.constant(encoded)).numpy(), np.uint8)
        except tf.errors.InvalidArgumentError as error:
            return Fault(UnusableCode.CORRUPT, " ".join(_GRAPH_NAMES.sub("", str(error)).split())[:200])


@functools.cache
def _graph(image_px: int) -> Callable[[tf.Tensor], tf.Tensor]:
    graph: Callable[[tf.Tensor], tf.Tensor] = tf.function(
        lambda encoded: normalise_image(encoded, image_px),
        input_signature=[tf.TensorSpec([], tf.string)],
        autograph=False,
    ).get_concrete_function()
    return graph
