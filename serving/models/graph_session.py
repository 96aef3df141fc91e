"""Makes a session of a meta graph: graph imported, variables restored, tables initialised.

As the C++ server does (tensorflow/cc/saved_model/loader.cc, RestoreSession): the graph goes to the C API as bytes,
and the restoring and initialising operations are run by name. `tf.compat.v1.saved_model.load` makes a Python object
of every node as well; that takes several times the CPU time, with the interpreter's lock held for most of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from serving.models.saved_model_proto import MetaGraph
from serving.models.session_options import SessionOptions
from serving.request_error import Code, RequestError

_VARIABLE_OPS = (b"VarHandleOp", b"VariableV2")


def open_session(meta_graph: MetaGraph, export_dir: Path, options: SessionOptions, single_threaded: bool) -> Any:
    """A `tf.compat.v1.Session` ready to run the signatures of `meta_graph`.

    Raises:
        Exception: whatever TensorFlow raises for a graph it cannot run or variables it cannot read; UNIMPLEMENTED
            from the single-threaded executor for a graph that needs the default one.
    """
    import tensorflow as tf

    graph = tf.Graph()
    imported = _import_graph(graph, meta_graph.graph_def)
    session = tf.compat.v1.Session(graph=graph, config=options.config_proto(single_threaded))
    try:
        if imported:
            _restore(session, meta_graph, export_dir)
            _initialise(session, meta_graph)
        else:
            with graph.as_default():
                tf.compat.v1.saved_model.load(session, sorted(options.tags), str(export_dir))
    except BaseException:
        session.close()
        raise
    return session


def _import_graph(graph: Any, graph_def: bytes) -> bool:
    """Adds the nodes of `graph_def` to `graph` without Python objects; False where TensorFlow has no way to."""
    import tensorflow as tf
    from tensorflow.python.client import pywrap_tf_session
    from tensorflow.python.framework import c_api_util

    # Private names: a TensorFlow without them loads by its public function instead, only more slowly.
    import_bytes = getattr(pywrap_tf_session, "TF_GraphImportGraphDefWithResults", None)
    by_name = hasattr(tf.compat.v1.Session, "_make_callable_from_options")  # Session.run knows Python's nodes only
    if import_bytes is None or not by_name or not hasattr(c_api_util, "tf_buffer") or not hasattr(graph, "_c_graph"):
        return False
    options = c_api_util.ScopedTFImportGraphDefOptions()
    with c_api_util.tf_buffer(graph_def) as buffer:
        import_bytes(graph._c_graph, buffer, options.options)
    return True


def _restore(session: Any, meta_graph: MetaGraph, export_dir: Path) -> None:
    if not meta_graph.restore_op:
        return
    if not (export_dir / "variables" / "variables.index").exists():
        if any(op in meta_graph.graph_def for op in _VARIABLE_OPS):
            raise RequestError(Code.UNAVAILABLE, "Not complete yet: variables/variables.index is missing")
        return
    checkpoint = str(export_dir / "variables" / "variables")
    _run(session, meta_graph.restore_op, {meta_graph.checkpoint_tensor: checkpoint, **meta_graph.assets})


def _initialise(session: Any, meta_graph: MetaGraph) -> None:
    if meta_graph.init_op:
        _run(session, meta_graph.init_op, meta_graph.assets)


def _run(session: Any, op: str, paths: Mapping[str, str]) -> None:
    from tensorflow.core.protobuf import config_pb2

    options = config_pb2.CallableOptions(feed=list(paths), target=[op.removeprefix("^").split(":")[0]])
    run = session._make_callable_from_options(options)
    run(*(np.array(path.encode(), dtype=object) for path in paths.values()))
