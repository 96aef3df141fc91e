"""The obvious way to bring images into TFX, as its own examples do: bytes in each Example, decoded by Transform."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

IMAGE, IMAGE_PX = "image_bytes", 64
TRANSFORM_IMAGES = f"""
import tensorflow as tf
from trainer.preprocessing import preprocessing_fn as ours

def decode(encoded):
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
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


def image_bytes_example_gen(data: Path, inputs: Any) -> Any:
    """An ExampleGen of one's own, as tfx/components/example_gen/base_example_gen_executor.py asks for it."""
    import apache_beam as beam
    import tensorflow as tf
    from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
    from tfx.components.example_gen.component import FileBasedExampleGen
    from tfx.components.example_gen.csv_example_gen.executor import _CsvToExample
    from tfx.dsl.components.base import executor_spec

    def add_image(example: tf.train.Example) -> Iterator[tf.train.Example]:
        (path,) = example.features.feature["image_path"].bytes_list.value
        example.features.feature[IMAGE].bytes_list.value.append((data / path.decode()).read_bytes())
        yield example

    class Executor(BaseExampleGenExecutor):
        def GetInputSourceToExamplePTransform(self) -> Any:  # noqa: N802 - the name is TFX's
            @beam.ptransform_fn  # type: ignore[untyped-decorator]  # Beam's is untyped
            def read(pipeline: Any, exec_properties: dict[str, Any], split_pattern: str) -> Any:
                rows = _CsvToExample(exec_properties, split_pattern)
                return pipeline | rows | "AddImage" >> beam.FlatMap(add_image)

            return read

    component = FileBasedExampleGen(
        str(data), input_config=inputs, custom_executor_spec=executor_spec.BeamExecutorSpec(Executor)
    )
    return component.with_id("ImageBytesExampleGen")
