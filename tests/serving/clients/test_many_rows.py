"""Long lists of rows, through both clients, against a real server."""

from __future__ import annotations

import math
import threading
from typing import Any

import pandas as pd
import pytest
from scripted_servers import http_server, refuse
from server_process import ServerProcess
from status_model import POISON

from configs.features import FeatureTable
from serving.client import (
    ClickClient,
    ClientError,
    GrpcClient,
    Prediction,
    RestClient,
    RowError,
    ServerRefusedError,
)

TABLE = FeatureTable.model_validate(
    [
        {"name": "bid", "kind": "numeric"},
        {"name": "image_path", "kind": "image"},
        {"name": "site", "kind": "categorical"},
        {"name": "clicked", "kind": "label"},
    ]
)


@pytest.fixture(params=["rest", "grpc"])
def connect(request: pytest.FixtureRequest, status_server: ServerProcess) -> Any:
    def make(**options: Any) -> ClickClient:
        kind, port = (
            (RestClient, status_server.rest_port) if request.param == "rest" else (GrpcClient, status_server.grpc_port)
        )
        return kind(f"127.0.0.1:{port}", "click", **options)

    return make


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize("features", [None, TABLE])
def test_creatives_are_flagged(connect: Any, features: FeatureTable | None) -> None:
    rows = [
        {"bid": 1, "image_path": "known.png"},
        {"bid": 1, "image_path": "new.png", "image_path_bytes": b"\xff\xd8"},
        {"bid": 1, "image_path": "new.png", "image_path_bytes": b"bad"},
        {"bid": 1},
    ]
    with connect(features=features) as client:
        predictions = client.predict(rows)
    assert [one.creative_status for one in predictions] == ["known", "image", "unreadable", "unknown"]
    assert [one.click_probability for one in predictions] == pytest.approx([sigmoid(1)] * 4, abs=1e-6)
    assert {one.model_version for one in predictions} == {4}


def test_order_is_kept_over_many_requests(connect: Any) -> None:
    bids = [number / 500 for number in range(1000)]
    with connect(max_batch_rows=30, max_in_flight=5) as client:  # 34 requests
        predictions = client.predict([{"bid": bid} for bid in bids])
    assert [one.click_probability for one in predictions] == pytest.approx([sigmoid(bid) for bid in bids], abs=1e-6)


def test_bad_rows_cost_the_others_nothing(connect: Any) -> None:
    """Row 5 cannot be sent; row 77 is refused by the server, in the second request of 64 rows."""
    rows: list[dict[str, object]] = [{"bid": number / 100, "site": "news"} for number in range(150)]
    rows[5]["bid"] = "abc"
    rows[77]["site"] = POISON
    with connect() as client:
        outcomes = client.predict_each(rows)
        with pytest.raises(RowError, match="row 5, field 'bid', value 'abc'"):
            client.predict(rows)
        rows[5]["bid"] = 0.05
        with pytest.raises(ServerRefusedError, match=r"row 77: the server answered .*poisoned row"):
            client.predict(rows)
    assert isinstance(outcomes[5], RowError)
    assert isinstance(outcomes[77], ServerRefusedError)
    assert (outcomes[5].row, outcomes[77].row) == (5, 77)
    for row, outcome in enumerate(outcomes):
        if row not in (5, 77):
            assert isinstance(outcome, Prediction)
            assert outcome.click_probability == pytest.approx(sigmoid(row / 100), abs=1e-6)


def test_one_client_serves_many_threads(connect: Any) -> None:
    wrong: list[object] = []

    def ask(client: ClickClient, thread: int) -> None:
        for turn in range(20):
            bid = thread + turn / 100
            try:
                (one,) = client.predict([{"bid": bid}])
                if abs(one.click_probability - sigmoid(bid)) > 1e-6:
                    wrong.append((bid, one))
            except ClientError as error:
                wrong.append(error)

    with connect() as client:
        threads = [threading.Thread(target=ask, args=(client, number)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_a_frame_keeps_its_index(connect: Any) -> None:
    frame = pd.DataFrame(
        {"bid": [0.5, None, 2], "image_path": pd.Categorical(["known.png", None, "x"]), "other": 1}, index=[30, 10, 20]
    )
    with connect() as client:
        answers = client.predict_frame(frame)
        assert client.predict(frame)[0].click_probability == answers["click_probability"].iloc[0]
        assert client.predict_frame(frame.iloc[:0]).empty
    assert answers.index.tolist() == [30, 10, 20]
    assert answers["click_probability"].tolist() == pytest.approx([sigmoid(0.5), 0.5, sigmoid(2)], abs=1e-6)
    assert answers["creative_status"].tolist() == ["known", "unknown", "unknown"]
    assert answers["model_version"].tolist() == [4, 4, 4]


def test_versions_are_chosen(connect: Any) -> None:
    with connect(version=4) as client:
        assert client.predict([{"bid": 1}])[0].model_version == 4
    with connect(version=9) as client, pytest.raises(ServerRefusedError, match=r"Specific\(click, 9\)"):
        client.predict([{"bid": 1}])
    with pytest.raises(ValueError, match="version 4 and label 'stable' are two ways"):
        connect(version=4, label="stable")


def test_predict_each_names_the_server_for_every_row() -> None:
    with http_server([refuse(500)]) as served, RestClient(served.address, "m", features=TABLE) as client:
        outcomes = client.predict_each([{"bid": 1}] * 70)
    assert [type(one) for one in outcomes] == [ServerRefusedError] * 70
    assert len(served.asked) == 2  # 64 rows and 6
