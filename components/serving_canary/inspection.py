"""The candidate served, asked and judged."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from components.pusher.versions import WARMUP_FILE
from components.serving_canary.asking import AskError, GrpcAsker, Probabilities, RestAsker, p99_ms
from components.serving_canary.candidate_server import CandidateServer, NotServedError
from components.serving_canary.cases import Case, NewCreative, make_cases
from components.serving_canary.checks import (
    REFUSED,
    Check,
    answers_check,
    latency_check,
    verdict,
    verdict_without_checks,
)
from components.serving_canary.signature_inputs import OUTPUT, PREDICT, ModelInput, columns_of, read_inputs
from components.serving_canary.warmup import NUMPY, write_warmup
from configs.features import FeatureTable
from configs.settings import Canary

ROUNDS = 2
"""Rounds of measuring a latency that is too long: another program may have had the processor."""


class Material(NamedTuple):
    """What the candidate is asked about."""

    rows: Sequence[Any]
    """tf.Examples of the eval split in file order, at least one."""
    evaluated: Probabilities
    """The evaluation's score of each of them, [rows]."""
    known: frozenset[str]
    """Keys of the creatives that the model was trained on."""
    new: NewCreative | None


def inspect(
    saved_model: Path,
    model_name: str,
    material: Material,
    table: FeatureTable,
    settings: Canary,
    warmup_file: Path,
    scratch: Path,
) -> dict[str, Any]:
    """verdict.json's content. Leaves the warm-up requests in `warmup_file`, with which the candidate is served too.

    `scratch`: an empty folder. Raises AdclickError where the machine, not the candidate, is at fault.
    """
    try:
        inputs = read_inputs(saved_model, table)
        cases = make_cases(material.rows, inputs, table, material.known, material.new, settings.max_batch_rows)
        write_warmup(warmup_file, cases, inputs, table, model_name)
        with CandidateServer(
            _staged(saved_model, warmup_file, scratch), model_name, settings.start_timeout_s
        ) as server:
            offline = _offline(saved_model, [*cases, Case("", list(material.rows))], inputs)  # while the server starts
            server.wait_until_ready()
            checks = _ask(server, model_name, cases, offline[:-1], inputs, settings)
    except NotServedError as refusal:
        return verdict_without_checks(REFUSED, str(refusal))
    checks.insert(0, answers_check("evaluated rows", material.evaluated, {"offline": offline[-1]}))
    return verdict(checks)


def _staged(saved_model: Path, warmup_file: Path, scratch: Path) -> Path:
    """A base path with the candidate as version 1, as it will be pushed; its files are links where that is possible."""
    base_path = scratch / "candidate"
    version = base_path / "1"
    shutil.copytree(saved_model, version, copy_function=_link_or_copy)
    (version / WARMUP_FILE).parent.mkdir(exist_ok=True)
    shutil.copyfile(warmup_file, version / WARMUP_FILE)
    return base_path


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another filesystem, or one without links
        shutil.copyfile(source, target)


def _offline(saved_model: Path, cases: Sequence[Case], inputs: Sequence[ModelInput]) -> list[Probabilities]:
    """Probabilities of each case's rows from the model itself, without a server."""
    try:
        model = tf.saved_model.load(str(saved_model))
        predict = model.signatures[PREDICT]
        found = []
        for case in cases:
            columns = columns_of(case.examples, inputs)
            tensors = {one.name: tf.constant(np.array(columns[one.name], NUMPY[one.dtype])) for one in inputs}
            found.append(np.asarray(predict(**tensors)[OUTPUT].numpy(), np.float64))
        return found
    except (tf.errors.OpError, OSError, ValueError, TypeError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise NotServedError(f"TensorFlow cannot load or run the model: {first[:400]}") from error


def _ask(
    server: CandidateServer,
    model_name: str,
    cases: Sequence[Case],
    offline: Sequence[Probabilities],
    inputs: Sequence[ModelInput],
    settings: Canary,
) -> list[Check]:
    """Both protocols side by side for the answers, one after the other for the times."""
    askers = (GrpcAsker(server.grpc_port, model_name, inputs), RestAsker(server.rest_port, model_name, inputs))
    try:
        with ThreadPoolExecutor(len(askers)) as pool:
            answers = list(pool.map(lambda asker: [_answers(asker, case) for case in cases], askers))
        checks = [
            answers_check(case.name, expected, {way: one for each in by_asker for way, one in each.items()})
            for case, expected, *by_asker in zip(cases, offline, *answers, strict=True)
        ]
        for asker in askers:
            checks.append(_latency(asker, cases[0].examples[0], settings.max_p99_ms))
        return checks
    finally:
        for asker in askers:
            asker.close()


def _answers(asker: GrpcAsker | RestAsker, case: Case) -> dict[str, Probabilities | str]:
    ways: dict[str, Callable[[Sequence[Any]], Probabilities]] = {
        f"{asker.name} predict": asker.predict,
        f"{asker.name} serving_default": asker.default,
    }
    found: dict[str, Probabilities | str] = {}
    for way, ask in ways.items():
        try:
            found[way] = ask(case.examples)
        except AskError as error:
            found[way] = str(error)
    return found


def _latency(asker: GrpcAsker | RestAsker, example: Any, max_p99_ms: float) -> Check:
    try:
        check = latency_check(asker.name, p99_ms(asker.predict, example), max_p99_ms)
        for _ in range(ROUNDS - 1):
            if check.held:
                break
            check = latency_check(asker.name, p99_ms(asker.predict, example), max_p99_ms)
        return check
    except AskError as error:
        return latency_check(asker.name, str(error), max_p99_ms)
