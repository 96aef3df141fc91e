"""What our drivers share: they look at the world before the cache is asked, and add what they saw to the cache key."""

from __future__ import annotations

import abc
from typing import Any

from tfx.dsl.components.base import base_driver as component_driver
from tfx.orchestration import data_types_utils
from tfx.orchestration.metadata import Metadata
from tfx.orchestration.portable import base_driver
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.proto.orchestration.driver_output_pb2 import DriverOutput

REFERENCE_ROOT = "reference_root"
"""Property where no ML Metadata can be asked: folder with `span-<number>/FeatureStats.pb` of what the gate let pass."""


class ObservingDriver(component_driver.BaseDriver, base_driver.BaseDriver):
    """A driver that adds execution properties; the executor receives them beside its own.

    Two base classes, as in tfx/components/example_gen/driver.py: components accept the one, the launcher runs the
    other.
    """

    def __init__(self, metadata_handle: Metadata) -> None:
        """As both bases want it."""
        component_driver.BaseDriver.__init__(self, metadata_handle)
        base_driver.BaseDriver.__init__(self, metadata_handle)

    @abc.abstractmethod
    def observe(self, inputs: dict[str, list[Any]], properties: dict[str, Any]) -> dict[str, str | int]:
        """What the executor depends on besides its inputs and parameters, such as the content of files."""

    def run(self, execution_info: ExecutionInfo) -> DriverOutput:
        """Adds what was observed to the execution's properties."""
        output = DriverOutput()
        for key, artifacts in execution_info.output_dict.items():
            output.output_artifacts[key].artifacts.extend(artifact.mlmd_artifact for artifact in artifacts)
        for key, value in self.observe(execution_info.input_dict, execution_info.exec_properties).items():
            data_types_utils.set_metadata_value(output.exec_properties[key], value)
        return output
