"""What the clients share, on a client whose server is this test."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from serving.clients.click_client import ClickClient
from serving.clients.client_columns import Column, ModelInputs
from serving.clients.client_errors import ServerRefusedError
from serving.clients.predictions import Prediction


class ScriptedClient(ClickClient):
    """Serves `versions` one after the other: the next is in service from the next read of the inputs on."""

    default_server = "localhost:1"

    def __init__(self, *versions: ModelInputs) -> None:
        super().__init__(None, "m", 1.0)
        self.versions = list(versions)
        self.reads = 0
        self.serving = versions[-1]

    def _open(self) -> None:
        """Nothing is to be opened."""

    def _read_inputs(self, deadline: float) -> ModelInputs:
        self.reads += 1
        return self.versions.pop(0) if len(self.versions) > 1 else self.versions[0]

    def _read_versions(self, deadline: float) -> list[int]:
        return []

    def _predict_columns(self, columns: Mapping[str, Column], inputs: ModelInputs, deadline: float) -> list[Prediction]:
        if columns.keys() != self.serving.dtypes.keys():
            raise ServerRefusedError("400", f"keys must be equal to: {','.join(self.serving.dtypes)}")
        return [Prediction(0.5, self.serving.version) for _ in next(iter(columns.values()))]


OLD = ModelInputs(1, {"bid": "DT_FLOAT"})
NEW = ModelInputs(2, {"bid": "DT_FLOAT", "site": "DT_STRING"})


def test_a_request_refused_because_of_a_new_version_is_sent_again_with_its_inputs() -> None:
    client = ScriptedClient(OLD, NEW)
    assert client.predict([{"bid": 1, "site": "x"}]) == [Prediction(0.5, 2)]
    assert client.reads == 2


def test_a_request_refused_for_its_own_sake_is_not_sent_again() -> None:
    client = ScriptedClient(OLD)
    client.serving = NEW  # the server refuses, but its inputs are what they were
    with pytest.raises(ServerRefusedError, match="the server answered 400: keys must be equal to: bid,site"):
        client.predict([{"bid": 1}])
    assert client.reads == 2


def test_the_inputs_are_read_again_when_another_version_answers() -> None:
    client = ScriptedClient(OLD, ModelInputs(3, OLD.dtypes))
    client.predict([{"bid": 1}])
    client.predict([{"bid": 1}])
    client.predict([{"bid": 1}])
    assert client.reads == 2
