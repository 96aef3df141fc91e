"""Unpacks AdExampleGen's artifacts and runs the ingest: in workers where that pays, else on Beam."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from adclick.filesystem import join, open_binary
from components.example_gen.block_work import BlockWork
from components.example_gen.blocks import Block
from components.example_gen.columns import split_folder
from components.example_gen.ingest import plan_ingest
from components.example_gen.report import BlockResult, require_usable, write_report
from components.example_gen.spans import require_unchanged, select_input
from components.example_gen.splitting import EVAL, TRAIN
from components.example_gen.worker_count import worker_count
from components.example_gen.workers import ingest_in_workers
from configs.features import FeatureTable
from configs.settings import Data


class _IngestBlocks(beam.DoFn):
    """Writes each block's Examples and, beside the report, what the executor sums up afterwards."""

    def __init__(self, work: BlockWork) -> None:
        self._work = work

    def process(self, element: tuple[int, Block]) -> Iterator[str]:
        index, block = element
        result = self._work.ingest(index, block)
        part = self._work.part_uri(index)
        with open_binary(part, mode="wb") as stream:
            pickle.dump(result, stream)
        yield part


class AdExampleGenExecutor(BaseBeamExecutor):
    """Work of AdExampleGen."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Raises DataError for files that cannot be read as the feature table says, or too few usable rows."""
        data = Data.model_validate_json(exec_properties["data"])
        table = FeatureTable.model_validate_json(exec_properties["features"])
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        report_uri = artifact_utils.get_single_uri(output_dict["ingest_report"])
        examples.split_names = artifact_utils.encode_split_names([TRAIN, EVAL])
        examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(examples, "tfrecords_gzip")
        split_uris = {split: artifact_utils.get_split_uri([examples], split) for split in (TRAIN, EVAL)}

        columns_uri = artifact_utils.get_single_uri(output_dict["columns"])
        columns_uris = {split: split_folder(columns_uri, split) for split in split_uris}

        for uri in (*split_uris.values(), *columns_uris.values()):
            fileio.makedirs(uri)

        source = select_input(data.root, data.pattern, data.spans)
        plan = plan_ingest(source, data, table)
        parts_uri = join(self._get_tmp_dir(), "part")
        work = BlockWork(plan.rule, data, exec_properties["features"], split_uris, columns_uris, parts_uri)
        workers = 1 if self._has_own_runner() else worker_count(plan.blocks)
        try:
            results = ingest_in_workers(work, plan.blocks, workers) if workers > 1 else self._on_beam(work, plan.blocks)
        except Exception:  # whatever a file that changed under way led to: that it changed is what is told
            require_unchanged(source, data, exec_properties["input_fingerprint"])
            raise
        require_unchanged(source, data, exec_properties["input_fingerprint"])
        counts = write_report(results, source, plan.rule.cutoff_s, plan.unknown_columns, report_uri)
        require_usable(counts, results, exec_properties["min_rows"])

    def _has_own_runner(self) -> bool:
        """Whether someone chose how Beam runs, which then spreads the work."""
        return bool(self._beam_pipeline_args) or self._make_beam_pipeline_fn is not None

    def _on_beam(self, work: BlockWork, blocks: list[Block]) -> list[BlockResult]:
        with self._make_beam_pipeline() as pipeline:
            _ = pipeline | beam.Create(list(enumerate(blocks))) | "Ingest" >> beam.ParDo(_IngestBlocks(work))
        return [_read_part(work.part_uri(index)) for index in range(len(blocks))]


def _read_part(uri: str) -> BlockResult:
    with open_binary(uri) as stream:
        result = pickle.load(stream)
    if not isinstance(result, BlockResult):
        raise TypeError(f"{uri}: holds a {type(result).__name__}, not a block's result")
    return result
