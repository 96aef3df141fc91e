"""Decides which versions of a model to load and which to let go, so that something always answers.

Policy, from tensorflow_serving/core/availability_preserving_policy.cc: load the new version first, and only
when it is ready unload the old one. Three rules are stricter than the original's, for availability:

- A broken version does not count: the newest N that load are served, at start-up and after.
- Old versions stay until *every* version the policy wants is in service or has failed, not only one of them.
- Where the policy finds nothing (base path missing, empty, or without the specific versions), what is in
  service stays.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from serving.models.model_config import VersionPolicy


@dataclass(frozen=True)
class Plan:
    """What to do next for one model."""

    load: tuple[int, ...]  # most wanted first
    retire: tuple[int, ...]  # oldest first


def plan_versions(
    policy: VersionPolicy,
    found: Collection[int],
    in_service: Collection[int],
    loading: Collection[int],
    waiting: Collection[int],
) -> Plan:
    """The next steps, for versions `found` on disk; `waiting` have failed and are not to be tried yet."""
    wanted: list[int] = []
    load: list[int] = []
    for version in sorted(found, reverse=True):
        if len(wanted) == policy.latest:
            break
        if policy.specific is not None and version not in policy.specific:
            continue
        if version in in_service or version in loading:
            wanted.append(version)
        elif version not in waiting:
            wanted.append(version)
            load.append(version)
    settled = bool(wanted) and all(version in in_service for version in wanted)
    retire = sorted(set(in_service) - set(wanted)) if settled else []
    return Plan(tuple(load), tuple(retire))
