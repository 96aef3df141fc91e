"""The locks hold names, versions and hashes only, and agree with each other and with what is installed."""

import re
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
LOCKS = ("portable.lock", "gateway.lock", "replica.lock", "dev.lock", "build.lock", "bootstrap.lock")
PIN = re.compile(r"([a-z0-9.-]+)==([A-Za-z0-9.+!]+)( ; [^\\]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def pins(lock: str) -> dict[str, str]:
    lines = (REQUIREMENTS / lock).read_text(encoding="utf-8").splitlines()
    return {match[1]: match[2] for line in lines if (match := PIN.fullmatch(line))}


def requirements(name: str) -> list[Requirement]:
    lines = (REQUIREMENTS / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(text) for line in lines if (text := line.split("#")[0].strip())]


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_pins_and_hashes_only(lock):
    lines = (REQUIREMENTS / lock).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not PIN.fullmatch(line) and not HASH.fullmatch(line)] == []
    hashed = [PIN.fullmatch(line) and HASH.fullmatch(after) for line, after in pairwise(lines)]
    assert sum(map(bool, hashed)) == len(pins(lock)) > 0  # every pin is followed by a hash


@pytest.mark.parametrize(
    ("source", "lock"),
    [
        ("runtime.in", "portable.lock"),
        ("gateway.in", "gateway.lock"),
        ("replica.in", "replica.lock"),
        ("dev.in", "dev.lock"),
        ("build.in", "build.lock"),
        ("bootstrap.in", "bootstrap.lock"),
    ],
)
def test_lock_satisfies_what_it_was_resolved_from(source, lock):
    locked = pins(lock)
    names = {req.name.lower(): req for req in requirements(source)}
    assert {name: locked[name] for name, req in names.items() if locked[name] not in req.specifier} == {}


def test_constraints_bind_packages_that_are_locked():
    locked = pins("portable.lock")
    outside = {
        req.name: locked[req.name] for req in requirements("constraints.txt") if locked[req.name] not in req.specifier
    }
    assert outside == {}


@pytest.mark.parametrize("lock", ["gateway.lock", "replica.lock"])
def test_small_images_hold_a_part_of_the_runtime_lock(lock):
    text, runtime = ((REQUIREMENTS / name).read_text(encoding="utf-8") for name in (lock, "portable.lock"))
    entries = [entry.rstrip(" \\\n") for entry in re.split(r"\n(?=\S)", text)]  # a pin and its hashes
    assert [entry for entry in entries if entry not in runtime] == []


@pytest.mark.parametrize("lock", ["dev.lock", "build.lock"])
def test_tools_do_not_move_a_runtime_pin(lock):
    runtime = pins("portable.lock")
    moved = {name: (pin, runtime[name]) for name, pin in pins(lock).items() if runtime.get(name, pin) != pin}
    assert moved == {}


def test_the_lock_is_what_is_installed():
    locked = pins("portable.lock") | pins("dev.lock")
    assert {name: version(name) for name in locked} == locked
