"""Puts loading and warming up together, as the options ask."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from serving.models.load_job import Loader
from serving.models.loader import LoadedModel, load_saved_model
from serving.models.manager_options import ManagerOptions
from serving.models.warmup import warm_up

if TYPE_CHECKING:
    from serving.protocol.prepared_call import Prepare


def model_loader(options: ManagerOptions, prepare: Mapping[str, Prepare] | None = None) -> Loader:
    """Loads a version as `options` ask, and runs its warm-up records."""

    def load(folder: Path) -> LoadedModel:
        model = load_saved_model(folder, options.session)
        if options.enable_warmup:
            try:
                warm_up(model, folder, prepare, options.warmup_iterations)
            except BaseException:
                model.close()
                raise
        return model

    return load
