"""Loads a SavedModel into a session of its own and runs its signatures.

Source: tensorflow/cc/saved_model/loader.cc, which the original server uses; `tf.compat.v1.saved_model.load`
is the Python way that loads every TF1 and TF2 SavedModel, where `tf.saved_model.load` fails on some TF1 ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving.models.session_call import Array, SessionCall, make_session_call
from serving.models.session_options import SessionOptions
from serving.request_error import Code, RequestError

SERVE_TAG = "serve"


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a signature: the graph tensor behind the alias, and its element type."""

    tensor_name: str
    dtype_enum: int  # tensorflow.DataType
    dtype_name: str  # as the C++ server prints it: float, int64, string, …
    numpy_dtype: Any  # numpy.dtype; object for strings, whose elements are bytes
    shape: tuple[int | None, ...] | None = None  # declared sizes, None where open; None as a whole: unknown rank


@dataclass(frozen=True)
class Signature:
    """A named function of the model: inputs and outputs by alias, in alphabetical order."""

    name: str
    method_name: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    call: SessionCall | None = field(repr=False, default=None)


class LoadedModel:
    """A SavedModel in memory: signatures that can be run, and the SignatureDefs for metadata requests."""

    def __init__(self, session: Any, signatures: Mapping[str, Signature], signature_defs: Mapping[str, Any]) -> None:
        self._session = session
        self.signatures = signatures
        self.signature_defs = signature_defs

    def run(
        self, signature: Signature, inputs: Mapping[str, Array], outputs: Sequence[str] | None = None
    ) -> dict[str, Array]:
        """All outputs of `signature` by alias, for inputs by alias.

        Raises:
            RequestError: with TensorFlow's own code and message, where the graph refuses the values.
        """
        import tensorflow as tf

        if signature.call is None:
            raise RequestError(Code.FAILED_PRECONDITION, f'Signature "{signature.name}" has no outputs to compute.')
        try:
            fetched = signature.call([inputs[alias] for alias in signature.inputs])
        except tf.errors.OpError as error:
            raise RequestError(Code.from_number(error.error_code), error.message) from error
        except (
            TypeError,
            ValueError,
        ) as error:  # values the C API cannot take, such as a ragged object array
            raise RequestError(Code.INVALID_ARGUMENT, str(error)) from error
        computed = dict(zip(signature.outputs, fetched, strict=True))
        return computed if outputs is None else {alias: computed[alias] for alias in outputs}

    def close(self) -> None:
        """Releases the session and its variables; no run may be under way or follow."""
        self.signatures = {}
        self._session.close()


def load_saved_model(export_dir: Path, options: SessionOptions = SessionOptions()) -> LoadedModel:
    """Loads the meta graph tagged `serve` from `export_dir`, variables and tables initialised.

    Raises:
        Exception: whatever TensorFlow raises for a missing, half-copied or corrupt SavedModel; the types
            differ by what is wrong, so that callers treat all alike.
    """
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
        session = tf.compat.v1.Session(graph=graph, config=config)
        try:
            meta_graph = tf.compat.v1.saved_model.load(session, [SERVE_TAG], str(export_dir))
            signatures = {
                name: _read_signature(session, name, definition)
                for name, definition in meta_graph.signature_def.items()
            }
        except BaseException:
            session.close()
            raise
    return LoadedModel(session, signatures, dict(meta_graph.signature_def))


def _read_signature(session: Any, name: str, definition: Any) -> Signature:
    inputs = {alias: _tensor_spec(definition.inputs[alias]) for alias in sorted(definition.inputs)}
    outputs = {alias: _tensor_spec(definition.outputs[alias]) for alias in sorted(definition.outputs)}
    call = None
    # An initialisation signature names an operation, not tensors: nothing a request could fetch.
    if definition.method_name and all(spec.tensor_name for spec in [*inputs.values(), *outputs.values()]):
        feeds = [spec.tensor_name for spec in inputs.values()]
        call = make_session_call(session, feeds, [spec.tensor_name for spec in outputs.values()])
    return Signature(name, definition.method_name, inputs, outputs, call)


def _tensor_spec(info: Any) -> TensorSpec:
    import tensorflow as tf

    numpy_dtype = tf.dtypes.as_dtype(info.dtype).as_numpy_dtype if info.dtype else None
    shape = None
    if not info.tensor_shape.unknown_rank:
        shape = tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)
    return TensorSpec(info.name, info.dtype, dtype_name(info.dtype), numpy_dtype, shape)


def dtype_name(dtype_enum: int) -> str:
    """Name of a tensorflow.DataType as the C++ server prints it: `float` where Python says `float32`."""
    from tensorflow.core.framework import types_pb2

    if dtype_enum not in types_pb2.DataType.values():
        return f"unknown dtype {dtype_enum}"
    name: str = types_pb2.DataType.Name(dtype_enum)
    return name.removeprefix("DT_").lower()
