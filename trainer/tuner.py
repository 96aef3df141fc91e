"""TFX's entry point into tuning: KerasTuner chooses settings, and each trial trains as the Trainer does."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import numpy.typing as npt
import tf_keras as keras
from keras_tuner.engine import base_tuner
from keras_tuner.engine.trial import TrialStatus
from keras_tuner.errors import FailedTrialError
from tfx.components.tuner.component import TunerFnResult

from adclick.errors import AdclickError
from adclick.notices import tell
from configs.settings import Model
from configs.settings import Trainer as TrainerSettings
from configs.tuning import Tuner as TunerSettings
from trainer.dataset import Rows
from trainer.fitting import Epoch
from trainer.hyperparameters import applied, decoded, own_values, search_space
from trainer.training_inputs import TrainingInputs, make_deterministic, training_inputs
from trainer.trial_journal import Measured, TrialJournal
from trainer.trial_record import TrialRecord, best_line, trial_line

OBJECTIVE = "log_loss"
LONGEST_CAUSE = 300


def tuner_fn(fn_args: Any) -> TunerFnResult:
    """`fn_args.custom_config`: what the Trainer's has, and `tuner` as JSON, `directory` and `project` of the search.

    Rows are those of the train split alone; a share of them measures the trials.
    """
    config = fn_args.custom_config
    settings = TunerSettings.model_validate_json(config["tuner"])
    inputs = training_inputs(config, fn_args.transform_graph_path)
    rows = inputs.rows(fn_args.train_files)
    measured, fitted = set_apart(len(rows), settings)
    tuner = ClickTuner(
        inputs,
        Model.model_validate_json(config["model"]),
        TrainerSettings.model_validate_json(config["trainer"]),
        settings,
        config["directory"],
        config["project"],
    )
    return TunerFnResult(tuner, {"fitted": rows.taken(fitted), "measured": rows.taken(measured)})


def set_apart(rows: int, settings: TunerSettings) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Indices of the rows that measure every trial, and of those that trials are trained on; both in order.

    Raises AdclickError where one of them would be empty.
    """
    order = np.random.default_rng(settings.seed).permutation(rows)
    count = round(rows * settings.measured_share)
    if not 0 < count < rows:
        raise AdclickError(
            f"tuner.measured_share {settings.measured_share:g} of {rows} training rows leaves nothing to measure or "
            "nothing to train on: use more rows, or tuner.enabled=false"
        )
    return np.sort(order[:count]), np.sort(order[count:])


class _OwnValuesFirst:
    """An oracle whose first trial has the defaults, so that the best is no worse than what there was."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """As KerasTuner's oracles."""
        if not self.start_order:  # type: ignore[attr-defined]  # of the oracle's
            space = self.get_space().space  # type: ignore[attr-defined]
            return {"status": TrialStatus.RUNNING, "values": {one.name: one.default for one in space}}
        return super().populate_space(trial_id)  # type: ignore[misc,no-any-return]


class _RandomOracle(_OwnValuesFirst, keras_tuner.oracles.RandomSearchOracle):
    pass


class _BayesianOracle(_OwnValuesFirst, keras_tuner.oracles.BayesianOptimizationOracle):
    pass


def oracle_of(settings: TunerSettings, space: Any) -> Any:
    """KerasTuner's oracle. Whatever fails, the search goes on; a grid begins with the defaults by itself."""
    common = {
        "objective": keras_tuner.Objective(OBJECTIVE, "min"),
        "max_trials": settings.trials,
        "seed": settings.seed,
        "hyperparameters": space,
        "max_consecutive_failed_trials": settings.trials + 1,
    }
    if settings.algorithm == "random":
        oracle = _RandomOracle(**common)
    elif settings.algorithm == "grid":
        oracle = keras_tuner.oracles.GridSearchOracle(**common)
    else:
        # KerasTuner's three random trials for each dimension would leave a short search no trial to choose by.
        points = max(3, min(2 * len(space.space), settings.trials // 3))
        oracle = _BayesianOracle(**common, num_initial_points=points)
    oracle.verbose = 0  # the trials are told in our own lines
    return oracle


class ClickTuner(base_tuner.BaseTuner):
    """Trials train by trainer/recipe.py; the objective is the log loss on rows that they were not trained on."""

    def __init__(
        self,
        inputs: TrainingInputs,
        model: Model,
        trainer: TrainerSettings,
        settings: TunerSettings,
        directory: str,
        project: str,
    ) -> None:
        """`directory`: local, for KerasTuner's files and the journal; an interrupted search of `project` goes on."""
        self._inputs, self._model, self._trainer, self._settings = inputs, model, trainer, settings
        space = search_space(settings.space, model, trainer)
        self._journal = TrialJournal(Path(directory) / f"{project}.json")
        self._measured_rows = 0
        super().__init__(oracle_of(settings, space), directory=directory, project_name=project, overwrite=True)

    def search(self, fitted: Rows, measured: Rows) -> None:
        """Tells what comes, and what came of it. Raises AdclickError where every trial failed."""
        done, settings = len(self._journal), self._settings
        tell(
            f"{settings.trials} trials, {settings.algorithm}: each trains on {len(fitted):,} rows and is measured on "
            f"{len(measured):,} others" + (f"; {done} were made before an interruption" if done else "")
        )
        self._measured_rows = len(measured)
        super().search(fitted=fitted, measured=measured)
        tell(best_line(self.records()))

    def run_trial(self, trial: Any, fitted: Rows, measured: Rows) -> dict[str, float]:
        """KerasTuner's hook. Raises FailedTrialError whatever went wrong: the search goes on."""
        values = decoded(trial.hyperparameters.values)
        # Made before an interruption, or proposed twice: the same training gives the same model.
        known = self._journal.find(values)
        if known is None:
            started = time.monotonic()
            try:
                loss = self._loss(values, fitted, measured)
            except Exception as error:
                told = " ".join(str(error).split())[:LONGEST_CAUSE]
                raise FailedTrialError(f"{type(error).__name__}: {told}") from error
            known = Measured(loss, time.monotonic() - started)
            self._journal.add(values, known)
        return {OBJECTIVE: known.log_loss, "seconds": known.seconds}

    def _loss(self, values: dict[str, Any], fitted: Rows, measured: Rows) -> float:
        keras.backend.clear_session()  # what earlier trials left in Keras's own graph
        model, trainer = applied(self._model, self._trainer, values)
        make_deterministic(trainer)
        loss = self._inputs.train(fitted, model, trainer, _unsaid).log_loss(measured)
        if not math.isfinite(loss):
            raise ArithmeticError(f"the log loss on the rows set aside is {loss}")
        return loss

    def on_trial_end(self, trial: Any) -> None:
        """KerasTuner's hook."""
        super().on_trial_end(trial)
        if trial.message:
            print(trial.message, flush=True)  # noqa: T201 - the whole traceback is for the component's log alone
        tell(trial_line(self.records(), self._settings.trials))

    def records(self) -> list[TrialRecord]:
        """Of the trials that ended, in the order of their ends."""
        return [self._record(self.oracle.trials[trial_id]) for trial_id in self.oracle.end_order]

    @property
    def measured_rows(self) -> int:
        """Rows that the trials were measured on; once the search began."""
        return self._measured_rows

    def _record(self, trial: Any) -> TrialRecord:
        values = trial.hyperparameters.values
        completed = trial.status == TrialStatus.COMPLETED
        return TrialRecord(
            int(trial.trial_id) + 1,
            decoded(values),
            own_values(values, self._model, self._trainer),
            trial.score if completed else None,
            round(trial.metrics.get_best_value("seconds"), 3) if completed else None,
            None if completed else _cause(trial.message),
        )


def _cause(message: str | None) -> str:
    """Of a trial's traceback, whose last line is a FailedTrialError's."""
    return (message or "").strip().rpartition("\n")[2].partition(": ")[2]


def _unsaid(_epoch: Epoch) -> None:
    """A trial has one line; its epochs have none."""
