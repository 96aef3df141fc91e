"""What every inference request becomes, over gRPC and REST alike: runs of signatures, and how their outputs are told.

Preparing (parsing, checking, converting) and replying are plain functions without waiting; whoever serves the request
runs the work in between, batched or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.models.loader import LoadedModel, Signature
from serving.models.session_call import Array

Outputs = Mapping[str, Array]
"""Fetched values by output alias."""


@dataclass(frozen=True)
class Work:
    """One run of one signature."""

    signature: Signature
    inputs: Mapping[str, Array]
    """By alias: exactly the signature's inputs."""
    outputs: Sequence[str]
    """Aliases to fetch."""


@dataclass(frozen=True)
class PreparedCall:
    """A request that has been checked: `reply` makes the protobuf message or JSON text once the works have run."""

    works: Sequence[Work]
    reply: Callable[[Sequence[Outputs], int], Any]
    """(outputs of each work in order, version that computed them) to the reply."""


Prepare = Callable[[Any, LoadedModel], PreparedCall]
"""(request message or parsed JSON object, the version that will answer) to the call; raises RequestError."""
