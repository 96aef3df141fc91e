"""The obvious way to bring images into TFX, as its own examples do: bytes in each Example, decoded by Transform."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.components.example_gen.csv_example_gen.executor import _CsvToExample
from tfx.dsl.components.base import executor_spec

IMAGE, IMAGE_PX = "image_bytes", 64
TRANSFORM_IMAGES = f"""
import tensorflow as tf
from trainer.preprocessing import preprocessing_fn as ours

def decode(encoded):
    image = tf.cond(
        tf.strings.length(encoded) > 0,
        lambda: tf.io.decode_image(encoded, channels=3, expand_animations=False),
        lambda: tf.zeros([1, 1, 3], tf.uint8),
    )
    return tf.image.resize(image, [{IMAGE_PX}, {IMAGE_PX}])

def preprocessing_fn(inputs, custom_config):
    outputs = ours(dict(inputs), custom_config)
    encoded = tf.reshape(tf.sparse.to_dense(inputs["{IMAGE}"], ""), [-1])
    outputs["image"] = tf.map_fn(decode, encoded, fn_output_signature=tf.float32)
    return outputs
"""


def with_image(schema_file: Path) -> None:
    """Adds the image's bytes to the schema."""
    with schema_file.open("a", encoding="utf-8") as stream:
        stream.write(f'feature {{ name: "{IMAGE}" type: BYTES value_count {{ min: 1 max: 1 }} presence {{ }} }}\n')


def _add_image(example: tf.train.Example, folder: Path) -> tf.train.Example:
    (path,) = example.features.feature["image_path"].bytes_list.value or (b"",)
    if path:
        example.features.feature[IMAGE].bytes_list.value.append((folder / path.decode()).read_bytes())
    return example


@beam.ptransform_fn  # type: ignore[untyped-decorator]  # Beam's is untyped
def _rows_with_images(pipeline: Any, exec_properties: dict[str, Any], split_pattern: str) -> Any:
    folder = Path(exec_properties["input_base"])
    return pipeline | _CsvToExample(exec_properties, split_pattern) | "AddImage" >> beam.Map(_add_image, folder=folder)


class ImageBytesExecutor(BaseExampleGenExecutor):
    """Rows of a CSV file with their images' bytes."""

    def GetInputSourceToExamplePTransform(self) -> Any:  # noqa: N802 - the name is TFX's
        """See BaseExampleGenExecutor."""
        return _rows_with_images


def image_bytes_example_gen(data: Path, inputs: Any) -> Any:
    """An ExampleGen of one's own, as tfx/components/example_gen/base_example_gen_executor.py asks for it."""
    component = FileBasedExampleGen(
        str(data), input_config=inputs, custom_executor_spec=executor_spec.BeamExecutorSpec(ImageBytesExecutor)
    )
    return component.with_id("ImageBytesExampleGen")
