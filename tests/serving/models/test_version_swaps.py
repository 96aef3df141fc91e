"""Versions change under threads that ask without a pause."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import numpy as np
from click_model import MISSING_INT64, probability

from serving.models.manager_options import ManagerOptions
from serving.models.model_config import ModelConfig
from serving.models.registry import Models
from serving.models.version_status import State
from serving.request_error import RequestError


class Number:
    """Stands for a loaded model where only the switching is tested: fifty real loads would take minutes."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_fifty_swaps_under_load_never_give_a_wrong_or_unloaded_version(tmp_path: Path) -> None:
    models = Models(
        [ModelConfig("m", tmp_path)],
        ManagerOptions(poll_wait_s=0.01),
        lambda folder: Number(int(folder.name)),  # type: ignore[arg-type, return-value]  # as explained above
    )
    (tmp_path / "1").mkdir()
    (tmp_path / "1/saved_model.pb").touch()
    models.start()
    assert models.wait_until_available(5)
    wrong: list[object] = []
    counts = [0] * 4
    done = threading.Event()

    def ask_on(thread: int) -> None:
        while not done.is_set():
            try:
                with models.acquire("m") as servable:
                    model: Number = servable.model  # type: ignore[assignment]  # as above
                    if model.version != servable.version or model.closed:
                        wrong.append(servable.version)
            except RequestError as error:
                wrong.append(error)
            counts[thread] += 1
            time.sleep(0)

    threads = [threading.Thread(target=ask_on, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for version in range(2, 52):
        (tmp_path / f"tmp.{version}").mkdir()
        (tmp_path / f"tmp.{version}/saved_model.pb").touch()
        (tmp_path / f"tmp.{version}").rename(tmp_path / str(version))
        deadline = time.monotonic() + 10
        while models.in_service() != {"m": [version]}:
            assert time.monotonic() < deadline
            time.sleep(0.002)
    done.set()
    for thread in threads:
        thread.join()
    models.stop()
    assert wrong == []
    assert min(counts) > 50
    deadline = time.monotonic() + 5
    while sum(status.state is State.END for status in models.statuses("m")) < 50:  # each old one was unloaded
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_answers_come_from_the_version_acquired_while_real_models_are_swapped(exported: Path, tmp_path: Path) -> None:
    """Version n holds the files of exported version 1 + n % 3, whose answer is known."""
    base_path = tmp_path / "click"
    models = Models([ModelConfig("click", base_path)], ManagerOptions(poll_wait_s=0.02))
    shutil.copytree(exported / "2", base_path / "1")
    models.start()
    assert models.wait_until_available(10)
    wrong: list[object] = []
    answers: set[int] = set()
    done = threading.Event()

    def ask_on() -> None:
        inputs = {
            "bid": np.float32([0]), "hour": np.int64([MISSING_INT64]),
            **{name: np.array([b""], dtype=object) for name in ("image_path", "image_path_bytes", "site")},
        }  # fmt: skip
        while not done.is_set():
            try:
                with models.acquire("click") as servable:
                    outputs = servable.model.run(servable.model.signatures["predict"], inputs)
            except RequestError as error:
                wrong.append(error)
                continue
            if abs(float(outputs["click_probability"][0]) - probability(1 + servable.version % 3, 0.0)) > 1e-6:
                wrong.append(servable.version)
            answers.add(servable.version)
            time.sleep(0.001)

    threads = [threading.Thread(target=ask_on) for _ in range(2)]
    for thread in threads:
        thread.start()
    for version in range(2, 14):
        shutil.copytree(exported / str(1 + version % 3), base_path / f"tmp.{version}")
        (base_path / f"tmp.{version}").rename(base_path / str(version))
        deadline = time.monotonic() + 20
        while version not in answers:
            assert time.monotonic() < deadline, models.statuses("click")
            time.sleep(0.005)
    done.set()
    for thread in threads:
        thread.join()
    models.stop()
    assert wrong == []
    assert answers >= set(range(2, 14))
