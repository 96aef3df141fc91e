"""Everything that a worker needs to ingest any block of a run, whichever process or Beam runner it is in."""

from __future__ import annotations

from typing import NamedTuple

from components.example_gen.blocks import Block
from components.example_gen.ingest import Targets, ingest_block
from components.example_gen.report import BlockResult
from components.example_gen.splitting import SplitRule
from configs.features import FeatureTable
from configs.settings import Data


class BlockWork(NamedTuple):
    """What is the same for all blocks; pickled on its way to a worker."""

    rule: SplitRule
    data: Data
    features_json: str
    examples_uris: dict[str, str]
    """Split to folder."""
    columns_uris: dict[str, str]
    """Split to folder."""
    parts_uri: str
    """Prefix of the files that hold what is summed up afterwards."""

    def part_uri(self, index: int) -> str:
        """Prefix of one block's files."""
        return f"{self.parts_uri}-{index:05d}"

    def ingest(self, index: int, block: Block) -> BlockResult:
        """Writes the block's Examples, columns and rejects. Raises DataError."""
        table = FeatureTable.model_validate_json(self.features_json)
        targets = Targets(self.examples_uris, self.columns_uris, f"{self.part_uri(index)}-rejects.csv")
        return ingest_block(index, block, self.rule, self.data, table, targets)
