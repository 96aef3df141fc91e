from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.models.loader import load_saved_model
from serving.models.session_call import make_session_call
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


def test_without_the_private_callable_the_public_one_gives_the_same(exported: Path) -> None:
    model = load_saved_model(exported / "1")

    class PublicSession:
        """The session as a TensorFlow without `_make_callable_from_options` would have it."""

        def run(self, fetches: Any, feed_dict: Any) -> Any:
            return model._session.run(fetches, feed_dict)

    spec = model.signatures["wide"]
    feeds = [info.tensor_name for info in spec.inputs.values()]
    fetches = [info.tensor_name for info in spec.outputs.values()] * 2  # a name may be asked for twice
    values = [np.array([b"abc"], dtype=object), np.float32([[1, 2]])]  # text, x
    private = make_session_call(model._session, feeds, fetches)(values)
    public = make_session_call(PublicSession(), feeds, fetches)(values)
    assert len(private) == len(public) == 6
    for one, other in zip(private, public, strict=True):
        np.testing.assert_array_equal(one, other)
    model.close()
