from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.models import graph_session
from serving.models.loader import load_saved_model
from serving.models.session_call import make_session_call
from serving.models.session_options import SessionOptions
from serving.request_error import Code, RequestError


def test_signatures_are_read_with_the_servers_dtype_names(exported: Path) -> None:
    model = load_saved_model(exported / "1")
    predict = model.signatures["predict"]
    assert {alias: spec.dtype_name for alias, spec in predict.inputs.items()} == {
        "bid": "float", "hour": "int64", "site": "string",
        "image_path": "string", "image_path_bytes": "string",
    }  # fmt: skip
    assert list(predict.outputs) == ["click_probability"]
    wide = model.signatures["wide"]
    with pytest.raises(RequestError) as caught:  # a matrix for a vector: TensorFlow's own words and code
        model.run(model.signatures["serving_default"], {"examples": np.array([b"\xff"], dtype=object)})
    assert caught.value.code is Code.INVALID_ARGUMENT
    outputs = model.run(wide, {"x": np.float32([[1]]), "text": np.array([b"ab"], dtype=object)})
    assert (outputs["doubled"].tolist(), outputs["length"].tolist()) == ([[2.0]], [2])
    model.close()


def test_without_private_functions_the_public_ones_give_the_same(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_session, "_import_graph", lambda *_: False)
    model = load_saved_model(exported / "1")

    class PublicSession:
        """The session as a TensorFlow without `_make_callable_from_options` would have it."""

        def run(self, fetches: Any, feed_dict: Any) -> Any:
            return model._session.run(fetches, feed_dict)

    spec = model.signatures["wide"]
    feeds = [info.tensor_name for info in spec.inputs.values()]
    fetches = [info.tensor_name for info in spec.outputs.values()] * 2  # a name may be asked for twice
    values = [np.array([b"abc", "\u00e9\0\U0001f600"], dtype=object), np.float32([[1, 2]])]  # text, x
    private = make_session_call(model._session, feeds, fetches)(values)
    public = make_session_call(PublicSession(), feeds, fetches)(values)
    assert len(private) == len(public) == 6
    assert private[2].tolist() == [b"abc", "\u00e9\0\U0001f600".encode()]  # strings stand for their UTF-8
    for one, other in zip(private, public, strict=True):
        np.testing.assert_array_equal(one, other)
    model.close()


def test_some_outputs_can_be_asked_for_in_any_order(exported: Path) -> None:
    model = load_saved_model(exported / "1")
    wide = model.signatures["wide"]
    inputs = {"x": np.float32([[1]]), "text": np.array([b"ab"], dtype=object)}
    assert list(model.run(wide, inputs)) == ["doubled", "length", "text_bytes"]
    assert {name: value.tolist() for name, value in model.run(wide, inputs, ["length", "doubled"]).items()} == {
        "length": [2], "doubled": [[2.0]],
    }  # fmt: skip
    assert list(model._partial_calls) == [("wide", ("doubled", "length"))]
    assert list(model.run(wide, inputs, ["doubled", "length"])) == ["doubled", "length"]
    assert len(model._partial_calls) == 1
    model.close()


def test_a_graph_that_the_single_threaded_executor_refuses_runs_in_the_default_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None], name="x")
        factor = v1.get_variable("factor", initializer=3.0, use_resource=False)  # a reference variable
        switch_off, switch_on = v1.raw_ops.Switch(data=x, pred=tf.reduce_sum(x) > 10)
        y = v1.raw_ops.Merge(inputs=[switch_off * factor, -switch_on]).output
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(tmp_path / "1"), {"x": x}, {"y": y})
    caplog.set_level("INFO")
    model = load_saved_model(tmp_path / "1")
    assert "default executor" in caplog.text
    signature = model.signatures["serving_default"]
    assert model.run(signature, {"x": np.float32([1, 2])})["y"].tolist() == [3, 6]
    assert model.run(signature, {"x": np.float32([10, 2])})["y"].tolist() == [-10, -2]
    model.close()


def test_a_default_stands_for_an_input_that_is_left_out(exported: Path, tmp_path: Path) -> None:
    import tensorflow as tf
    from tensorflow.core.protobuf import saved_model_pb2

    shutil.copytree(exported / "1", tmp_path / "1")
    saved_model = saved_model_pb2.SavedModel.FromString((tmp_path / "1/saved_model.pb").read_bytes())
    wide = saved_model.meta_graphs[0].signature_def["wide"]
    wide.defaults["x"].CopyFrom(tf.make_tensor_proto([[4.0]]))
    (tmp_path / "1/saved_model.pb").write_bytes(saved_model.SerializeToString())
    model = load_saved_model(tmp_path / "1")
    outputs = model.run(model.signatures["wide"], {"text": np.array([b"a"], dtype=object)})
    assert outputs["doubled"].tolist() == [[8.0]]
    model.close()


def test_text_saved_models_load_and_missing_ones_are_told(exported: Path, tmp_path: Path) -> None:
    from google.protobuf import text_format
    from tensorflow.core.protobuf import saved_model_pb2

    shutil.copytree(exported / "1", tmp_path / "1")
    binary = tmp_path / "1/saved_model.pb"
    saved_model = saved_model_pb2.SavedModel.FromString(binary.read_bytes())
    binary.unlink()
    with pytest.raises(RequestError, match=r"^NOT_FOUND: Could not find SavedModel .pb or .pbtxt"):
        load_saved_model(tmp_path / "1")
    (tmp_path / "1/saved_model.pbtxt").write_text(text_format.MessageToString(saved_model))
    model = load_saved_model(tmp_path / "1")
    assert set(model.signatures) >= {"serving_default", "predict", "wide"}
    model.close()
    saved_model.meta_graphs[0].meta_info_def.tags[:] = ["train"]
    binary.write_bytes(saved_model.SerializeToString())
    with pytest.raises(RequestError, match=r"Could not find meta graph def matching supplied tags: \{ serve \}"):
        load_saved_model(tmp_path / "1")


def export_odd_signatures(folder: Path, *names: str) -> Path:
    """y = x / 2 + 2 under signatures that are odd in the way their names say."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None], name="x")
        y = x / 2 + 2
        forms = {
            "sound": ({"x": x}, {"y": y}, "tensorflow/serving/predict"),
            "unnamed_method": ({"x": x}, {"y": y}, ""),
            "one_tensor_twice": ({"a": x, "b": x}, {"y": y}, "tensorflow/serving/predict"),
            "input_as_output": ({"x": x}, {"same": x, "y": y}, "tensorflow/serving/predict"),
            "no_such_tensor": ({"x": x}, {"y": y}, "tensorflow/serving/predict"),
        }
        definitions = {
            name: v1.saved_model.build_signature_def(
                *({alias: v1.saved_model.build_tensor_info(tensor) for alias, tensor in side.items()}
                  for side in forms[name][:2]),
                forms[name][2],
            )
            for name in names
        }  # fmt: skip
        if "no_such_tensor" in names:
            definitions["no_such_tensor"].outputs["y"].name = "nowhere:0"
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, ["serve"], definitions)
        builder.save()
    return folder


def test_a_signature_that_cannot_be_run_says_so_when_asked_and_leaves_the_others_be(tmp_path: Path) -> None:
    names = ("sound", "unnamed_method", "one_tensor_twice", "input_as_output", "no_such_tensor")
    model = load_saved_model(export_odd_signatures(tmp_path / "1", *names))
    x = np.float32([2])
    for name in ("sound", "unnamed_method"):
        assert model.run(model.signatures[name], {"x": x})["y"].tolist() == [3]
    with pytest.raises(RequestError, match=r'^INVALID_ARGUMENT: Endpoint "x:0" fed more than once\.$'):
        model.run(model.signatures["one_tensor_twice"], {"a": x, "b": x})
    with pytest.raises(RequestError, match=r"^INVALID_ARGUMENT: x:0 is both fed and fetched\.$"):
        model.run(model.signatures["input_as_output"], {"x": x})
    with pytest.raises(RequestError, match="nowhere:0"):
        model.run(model.signatures["no_such_tensor"], {"x": x})
    model.close()


def test_a_model_of_which_nothing_can_be_run_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="nowhere:0"):
        load_saved_model(export_odd_signatures(tmp_path / "1", "no_such_tensor", "one_tensor_twice"))
    # Names alone are wrong here, not the graph: the original serves it, and refuses every request.
    load_saved_model(export_odd_signatures(tmp_path / "2", "one_tensor_twice")).close()


def test_the_meta_graph_has_exactly_the_tags_asked_for(tmp_path: Path) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    file = export_odd_signatures(tmp_path / "1", "sound") / "saved_model.pb"
    saved_model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for_gpus = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for_gpus.meta_graphs[0].meta_info_def.tags.append("gpu")
    for_gpus.meta_graphs[0].signature_def["on_gpus"].CopyFrom(for_gpus.meta_graphs[0].signature_def["sound"])
    for_gpus.meta_graphs.extend(saved_model.meta_graphs)
    file.write_bytes(for_gpus.SerializeToString())
    for tags, signatures in (({"serve"}, {"sound"}), ({"gpu", "serve"}, {"sound", "on_gpus"})):
        model = load_saved_model(tmp_path / "1", SessionOptions(tags=frozenset(tags)))
        assert set(model.signatures) == signatures
        model.close()
    with pytest.raises(RequestError, match=r"matching supplied tags: \{ gpu \}"):
        load_saved_model(tmp_path / "1", SessionOptions(tags=frozenset({"gpu"})))
