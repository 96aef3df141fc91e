"""Runs of run_local.py that die by SIGKILL in the middle of one component each: `killed_run.py COMPONENT,… ARGUMENTS…`.

A process is killed as soon as a file of its component's outputs appears, or when its executor is done, but before
anything is published. The runs follow each other as forks of a process that has the libraries imported, which takes
longer than most of them; a line `COMPONENT STATUS` tells how each ended, and the first that was not killed is the last.
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
LONGEST_S = 120
"""A run that hangs is ended by SIGALRM."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_first_file(folders: list[Path]) -> None:
    while not any(path.is_file() for folder in folders for path in folder.rglob("*")):
        time.sleep(0.001)
    die()


def run_until(victim: str, arguments: list[str]) -> None:
    """Patches TFX's launcher, then runs the script as Python would."""
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


def main() -> None:
    victims, *arguments = sys.argv[1:]
    from adclick.stack import prepare_environment

    prepare_environment()
    from tfx.orchestration.portable import launcher  # noqa: F401 (what every run imports, once for all of them)

    for victim in victims.split(","):
        child = os.fork()
        if child == 0:
            signal.alarm(LONGEST_S)
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            run_until(victim, arguments)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{victim} {status}\n")
        sys.stdout.flush()
        if status != -signal.SIGKILL:
            sys.exit(1)


if __name__ == "__main__":
    main()
