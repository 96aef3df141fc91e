"""Reads what a server needs of `saved_model.pb`, and leaves the graph as the bytes it is.

The graph goes to TensorFlow's C API unread: parsing it in Python and writing it again would hold the interpreter's
lock, and so every request, for tens of milliseconds.
Source: tensorflow/core/protobuf/{saved_model,meta_graph}.proto, tensorflow/cc/saved_model/{reader,loader_util}.cc.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from serving.request_error import Code, RequestError

SERVE_TAGS = frozenset({"serve"})
INIT_SIGNATURE = "__saved_model_init_op"
_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")


@dataclass(frozen=True)
class MetaGraph:
    """A meta graph of a SavedModel, chosen by its tags."""

    graph_def: bytes  # tensorflow.GraphDef
    signature_defs: Mapping[str, Any]
    restore_op: str  # "" where there is nothing to restore
    checkpoint_tensor: str  # fed with the path of the variables
    init_op: str  # "" where there is none
    assets: Mapping[str, str]  # tensor name -> path of the file


def read_meta_graph(export_dir: Path, tags: frozenset[str] = SERVE_TAGS) -> MetaGraph:
    """The meta graph with exactly these tags of the SavedModel in `export_dir`.

    Raises:
        RequestError: NOT_FOUND without saved_model.pb or a meta graph of these tags, DATA_LOSS where it is damaged.
    """
    for graph_def, meta_graph in _read(export_dir):
        if tags == set(meta_graph.meta_info_def.tags):
            return MetaGraph(
                graph_def=graph_def,
                signature_defs=dict(meta_graph.signature_def),
                restore_op=meta_graph.saver_def.restore_op_name,
                checkpoint_tensor=meta_graph.saver_def.filename_tensor_name,
                init_op=_init_op(meta_graph),
                assets=_assets(meta_graph, export_dir),
            )
    raise RequestError(
        Code.NOT_FOUND,
        f"Could not find meta graph def matching supplied tags: {{ {' '.join(sorted(tags))} }} in {export_dir}. "
        "To inspect available tag-sets in the SavedModel, please use the SavedModel CLI: `saved_model_cli`",
    )


def _read(export_dir: Path) -> list[tuple[bytes, Any]]:
    from google.protobuf import message, text_format
    from tensorflow.core.protobuf import saved_model_pb2

    binary, text = export_dir / "saved_model.pb", export_dir / "saved_model.pbtxt"
    try:
        if binary.exists():
            return _opened(binary.read_bytes())
        if text.exists():
            full = text_format.Parse(text.read_text(encoding="utf-8"), saved_model_pb2.SavedModel())
            return _opened(full.SerializeToString())
    except message.DecodeError as error:
        raise RequestError(Code.DATA_LOSS, f"Can't parse {binary} as binary proto") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise RequestError(Code.DATA_LOSS, f"Can't parse {text} as text proto: {error}") from error
    raise RequestError(
        Code.NOT_FOUND,
        f"Could not find SavedModel .pb or .pbtxt at supplied export directory path: {export_dir}. Check that the "
        "directory exists and that you have the right permissions for accessing it.",
    )


def _opened(saved_model: bytes) -> list[tuple[bytes, Any]]:
    """(GraphDef as bytes, MetaGraphDef without it) of each meta graph."""
    from tensorflow.core.protobuf import meta_graph_pb2

    saved_model_envelope, meta_graph_envelope = _envelopes()
    opened = []
    for each in saved_model_envelope.FromString(saved_model).meta_graphs:
        envelope = meta_graph_envelope.FromString(each)
        graph_def = envelope.graph_def
        envelope.ClearField("graph_def")
        envelope.ClearField("object_graph_def")  # how Keras rebuilds its objects: of no use to a server
        opened.append((graph_def, meta_graph_pb2.MetaGraphDef.FromString(envelope.SerializeToString())))
    return opened


@cache
def _envelopes() -> tuple[Any, Any]:
    """Message classes of SavedModel and MetaGraphDef that know their large fields only, as bytes.

    What they do not know they keep, so that the rest can be parsed as the real message.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    proto = descriptor_pb2.FileDescriptorProto(name="serving/envelopes.proto", package="serving", syntax="proto3")
    one, many, as_bytes = 1, 3, 12  # FieldDescriptorProto: LABEL_OPTIONAL, LABEL_REPEATED, TYPE_BYTES
    saved_model = proto.message_type.add(name="SavedModelEnvelope")
    saved_model.field.add(name="meta_graphs", number=2, label=many, type=as_bytes)
    meta_graph = proto.message_type.add(name="MetaGraphEnvelope")
    meta_graph.field.add(name="graph_def", number=2, label=one, type=as_bytes)
    meta_graph.field.add(name="object_graph_def", number=7, label=one, type=as_bytes)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(proto)
    classes = message_factory.MessageFactory(pool).GetPrototype
    return tuple(classes(pool.FindMessageTypeByName(f"serving.{each.name}")) for each in proto.message_type)


def _init_op(meta_graph: Any) -> str:
    if INIT_SIGNATURE in meta_graph.signature_def:
        return str(meta_graph.signature_def[INIT_SIGNATURE].outputs[INIT_SIGNATURE].name)
    for key in _INIT_COLLECTIONS:
        if key in meta_graph.collection_def and meta_graph.collection_def[key].node_list.value:
            return str(meta_graph.collection_def[key].node_list.value[0])
    return ""


def _assets(meta_graph: Any, export_dir: Path) -> dict[str, str]:
    from tensorflow.core.protobuf import meta_graph_pb2

    files = list(meta_graph.asset_file_def)
    if "saved_model_assets" in meta_graph.collection_def:
        collected = meta_graph.collection_def["saved_model_assets"].any_list.value
        files = [meta_graph_pb2.AssetFileDef.FromString(each.value) for each in collected]
    return {each.tensor_info.name: str(export_dir / "assets" / each.filename) for each in files}
