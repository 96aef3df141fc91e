"""Loads a SavedModel into a session of its own and runs its signatures.

Source: tensorflow/cc/saved_model/loader.cc, which the original server uses: it loads every TF1 and TF2 SavedModel,
where `tf.saved_model.load` fails on some TF1 ones.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from serving.models.saved_model_proto import INIT_SIGNATURE
from serving.models.session_call import Array, SessionCall, make_session_call
from serving.models.session_options import SessionOptions
from serving.request_error import Code, RequestError

_log = logging.getLogger(__name__)

_DEFAULT_OPTIONS = SessionOptions()


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a signature: the graph tensor behind the alias, and its element type."""

    tensor_name: str
    dtype_enum: int  # tensorflow.DataType
    dtype_name: str  # as the C++ server prints it: float, int64, string, …
    numpy_dtype: Any  # numpy.dtype; object for strings, whose elements are bytes, or str for their UTF-8
    shape: tuple[int | None, ...] | None = None  # declared sizes, None where open; None as a whole: unknown rank


@dataclass(frozen=True)
class Signature:
    """A named function of the model: inputs and outputs by alias, in alphabetical order."""

    name: str
    method_name: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    call: SessionCall | None = field(repr=False, default=None)
    defaults: Mapping[str, Array] = field(repr=False, default_factory=dict)  # values of inputs a request may leave out


CallMaker = Callable[[Signature, Sequence[str]], SessionCall]
"""(signature, output aliases) to a function that computes these outputs only."""


class LoadedModel:
    """A SavedModel in memory: signatures that can be run, and the SignatureDefs for metadata requests."""

    def __init__(
        self,
        session: Any,
        signatures: Mapping[str, Signature],
        signature_defs: Mapping[str, Any],
        make_call: CallMaker | None = None,
    ) -> None:
        self._session = session
        self._make_call = make_call
        self._partial_calls: dict[tuple[str, tuple[str, ...]], SessionCall] = {}
        self.signatures = signatures
        self.signature_defs = signature_defs

    def run(
        self, signature: Signature, inputs: Mapping[str, Array], outputs: Sequence[str] | None = None
    ) -> dict[str, Array]:
        """The outputs of `signature` named by `outputs` (None: all) by alias, for inputs by alias.

        What only other outputs need is not computed. Inputs with a default may be left out.

        Raises:
            RequestError: with TensorFlow's own code and message, where the graph refuses the values.
        """
        import tensorflow as tf

        try:
            call = self._call(signature, outputs)
            fetched = call([_value(signature, inputs, alias) for alias in signature.inputs])
        except tf.errors.OpError as error:
            raise RequestError(Code.from_number(error.error_code), error.message) from error
        except (TypeError, ValueError) as error:  # values the C API cannot take, such as a ragged object array
            raise RequestError(Code.INVALID_ARGUMENT, str(error)) from error
        return dict(zip(signature.outputs if outputs is None else outputs, fetched, strict=True))

    def _call(self, signature: Signature, outputs: Sequence[str] | None) -> SessionCall:
        if signature.call is None:
            raise RequestError(Code.FAILED_PRECONDITION, f'Signature "{signature.name}" has no outputs to compute.')
        if outputs is None or self._make_call is None or list(outputs) == list(signature.outputs):
            return signature.call
        # Sorted, so that the order in which clients name outputs does not multiply the calls kept.
        wanted = tuple(sorted(outputs))
        key = (signature.name, wanted)
        call = self._partial_calls.get(key)
        if call is None:
            call = self._partial_calls[key] = self._make_call(signature, wanted)
        if wanted == tuple(outputs):
            return call
        picks = [wanted.index(alias) for alias in outputs]
        sorted_call = call
        return lambda feeds: [fetched[pick] for fetched in (sorted_call(feeds),) for pick in picks]

    def close(self) -> None:
        """Releases the session and its variables; no run may be under way or follow."""
        self.signatures = {}
        self._partial_calls = {}
        self._session.close()


def _value(signature: Signature, inputs: Mapping[str, Array], alias: str) -> Array:
    value = inputs.get(alias)
    return signature.defaults[alias] if value is None else value


def load_saved_model(export_dir: Path, options: SessionOptions = _DEFAULT_OPTIONS) -> LoadedModel:
    """Loads the meta graph that `options.tags` name (`serve`) from `export_dir`, variables and tables initialised.

    Raises:
        Exception: RequestError, or whatever TensorFlow raises for a missing, half-copied or corrupt SavedModel; the
            types differ by what is wrong, so that callers treat all alike.
    """
    import tensorflow as tf

    if options.single_threaded_executor:
        try:
            return _load(export_dir, options, single_threaded=True)
        except tf.errors.UnimplementedError as error:
            # Low-level control flow and reference variables, of TF1; found out while the executors are made.
            _log.info("%s runs in TensorFlow's default executor: %s", export_dir, error.message.splitlines()[0])
    return _load(export_dir, options, single_threaded=False)


def _load(export_dir: Path, options: SessionOptions, single_threaded: bool) -> LoadedModel:
    from serving.models.graph_session import open_session
    from serving.models.saved_model_proto import read_meta_graph

    meta_graph = read_meta_graph(export_dir, options.tags)
    session = open_session(meta_graph, export_dir, options, single_threaded)

    def make_call(signature: Signature, outputs: Sequence[str]) -> SessionCall:
        feeds = [spec.tensor_name for spec in signature.inputs.values()]
        fetches = [signature.outputs[alias].tensor_name for alias in outputs]
        return make_session_call(session, feeds, fetches, options.in_callers_thread)

    try:
        signatures = _read_signatures(meta_graph.signature_defs, make_call, single_threaded)
    except BaseException:
        session.close()
        raise
    return LoadedModel(session, signatures, meta_graph.signature_defs, make_call)


def _read_signatures(
    definitions: Mapping[str, Any], make_call: CallMaker, single_threaded: bool
) -> dict[str, Signature]:
    """Signatures by name; one that TensorFlow cannot run, such as with one tensor under two inputs, says so when asked.

    Raises:
        tf.errors.OpError: where no signature at all can be run, or the executor cannot run the graph.
    """
    import tensorflow as tf

    signatures: dict[str, Signature] = {}
    damage: list[Exception] = []
    runnable = False
    for name, definition in definitions.items():
        signature = _read_signature(name, definition)
        if name != INIT_SIGNATURE and all(
            spec.tensor_name for spec in [*signature.inputs.values(), *signature.outputs.values()]
        ):
            try:
                call = make_call(signature, list(signature.outputs))
                runnable = True
            except tf.errors.OpError as error:
                if single_threaded and isinstance(error, tf.errors.UnimplementedError):
                    raise
                call = _refusal(error)
                if not _names_a_tensor_twice(signature):
                    damage.append(error)
            signature = replace(signature, call=call)
        signatures[name] = signature
    if damage and not runnable:
        raise damage[0]  # what cannot answer at all must not take the place of a version that does
    return signatures


def _refusal(error: Exception) -> SessionCall:
    def call(_feeds: Sequence[Array]) -> list[Array]:
        raise error

    return call


def _names_a_tensor_twice(signature: Signature) -> bool:
    feeds = [spec.tensor_name for spec in signature.inputs.values()]
    return len(set(feeds)) < len(feeds) or any(spec.tensor_name in feeds for spec in signature.outputs.values())


def _read_signature(name: str, definition: Any) -> Signature:
    import tensorflow as tf

    inputs = {alias: _tensor_spec(definition.inputs[alias]) for alias in sorted(definition.inputs)}
    outputs = {alias: _tensor_spec(definition.outputs[alias]) for alias in sorted(definition.outputs)}
    defaults = {alias: tf.make_ndarray(definition.defaults[alias]) for alias in getattr(definition, "defaults", {})}
    return Signature(name, definition.method_name, inputs, outputs, defaults=defaults)


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
