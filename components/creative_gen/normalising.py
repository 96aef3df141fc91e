"""Reads, checks and normalises distinct creatives side by side."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from adclick.filesystem import is_absent, join, read_bytes
from components.creative_gen.image_checks import Fault, UnusableCode, check_header
from components.creative_gen.store import Creative, Unusable
from configs.settings import Creatives
from trainer.image_graph import normalise_image

_GRAPH_NAMES = re.compile(r"\[*\{\{.*?\}\}\]*|\[Op:.*?\]")  # what TensorFlow calls its nodes tells nothing of the image

Pixels = npt.NDArray[np.uint8]


class Normalised(NamedTuple):
    """Every creative is in one of the two lists."""

    stored: list[Creative]
    pixels: Pixels
    """[stored, image_px, image_px, 3]"""
    unusable: list[Unusable]


def normalise_creatives(creatives: Sequence[Creative], image_root: str, limits: Creatives) -> Normalised:
    """Pixels of each usable creative, in the order given.

    Threads help: reading and decoding both leave the interpreter.
    """
    decode = tf.function(
        lambda encoded: normalise_image(encoded, limits.image_px),
        input_signature=[tf.TensorSpec([], tf.string)],
    ).get_concrete_function()

    def work(creative: Creative) -> Pixels | Fault:
        return _normalise_one(join(image_root, creative.path), limits, decode)

    with ThreadPoolExecutor(max_workers=min(16, 2 * (os.cpu_count() or 1))) as pool:
        results = list(pool.map(work, creatives))
    stored, pixels, unusable = [], [], []
    for creative, result in zip(creatives, results, strict=True):
        if isinstance(result, Fault):
            unusable.append(Unusable(creative, result.code.value, result.detail))
        else:
            stored.append(creative)
            pixels.append(result)
    side = limits.image_px
    stacked = np.stack(pixels) if pixels else np.zeros((0, side, side, 3), np.uint8)
    return Normalised(stored, stacked, unusable)


def _normalise_one(uri: str, limits: Creatives, decode: Callable[[tf.Tensor], tf.Tensor]) -> Pixels | Fault:
    try:
        encoded = read_bytes(uri)
    except OSError as error:
        if not is_absent(error):
            raise
        return Fault(UnusableCode.MISSING, f"no file {uri}")
    fault = check_header(encoded, limits)
    if fault is not None:
        return fault
    try:
        return np.asarray(decode(tf.constant(encoded)).numpy(), np.uint8)
    except tf.errors.InvalidArgumentError as error:
        return Fault(UnusableCode.CORRUPT, " ".join(_GRAPH_NAMES.sub("", str(error)).split())[:200])
