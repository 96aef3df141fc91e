"""run_local.py that dies by SIGKILL in the middle of one component: `killed_run.py COMPONENT ARGUMENTS…`.

The process is killed as soon as a file of the component's outputs appears, or when its executor is done, but before
anything is published.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_first_file(folders: list[Path]) -> None:
    while not any(path.is_file() for folder in folders for path in folder.rglob("*")):
        time.sleep(0.001)
    die()


def main() -> None:
    """Patches TFX's launcher, then runs the script as Python would."""
    victim, *arguments = sys.argv[1:]
    from adclick.stack import prepare_environment

    prepare_environment()
    from tfx.orchestration.portable import launcher

    run_executor = launcher.Launcher._run_executor

    def killing(self: Any, info: Any) -> Any:
        if self._pipeline_node.node_info.id != victim:
            return run_executor(self, info)
        folders = [Path(artifact.uri) for artifacts in info.output_dict.values() for artifact in artifacts]
        threading.Thread(target=die_at_first_file, args=(folders,), daemon=True).start()
        run_executor(self, info)
        die()
        return None

    launcher.Launcher._run_executor = killing
    sys.argv = [str(PROJECT / "run_local.py"), *arguments]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
