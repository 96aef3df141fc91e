"""A folder with pushed versions, quickly made: models are a few bytes."""

from __future__ import annotations

from pathlib import Path

from components.pusher.lifecycle import Operator
from components.pusher.pushing import push
from components.pusher.versions import Folder

OPERATOR = Operator("ada", "clicks fell")


def exported(root: Path, graph: str) -> Path:
    """A model of its own for each `graph`."""
    model = root / f"exported-{graph}"
    (model / "variables").mkdir(parents=True, exist_ok=True)
    (model / "saved_model.pb").write_text(graph)
    (model / "variables" / "variables.index").write_text("weights")
    return model


def pushed(root: Path, folder: Folder, *graphs: str) -> list[int]:
    """Versions with these graphs, each compared with the one before."""
    found: list[int] = []
    for graph in graphs:
        found.append(push(exported(root, graph), folder, found[-1] if found else None, f"run-{graph}"))
    return found


def graph(folder: Path, name: object) -> str:
    return (folder / str(name) / "saved_model.pb").read_text()
