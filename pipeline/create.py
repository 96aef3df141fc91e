"""The graph: wiring only, in the order in which data flows."""

from __future__ import annotations

from tfx.components.example_validator.component import ExampleValidator
from tfx.components.schema_gen.component import SchemaGen
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.components.transform.component import Transform
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.types.channel import BaseChannel

from components.anomaly_gate.component import AnomalyGate
from components.creative_gen.component import CreativeGen
from components.evaluator.component import ServedBaselineEvaluator
from components.example_gen.component import AdExampleGen
from components.pusher.component import AtomicPusher
from components.run_report.component import RunReport
from components.schema_import.component import SchemaFromText
from components.served_model.component import ServedModel
from components.serving_canary.component import ServingCanary
from components.statistics_gen.component import ColumnStatisticsGen
from components.trainer.component import CreativeTrainer
from components.transform.component import ColumnTransformGen
from configs.settings import Settings
from pipeline.code_fingerprint import code_fingerprint
from pipeline.evaluation import eval_config
from pipeline.locations import Locations
from pipeline.table_schema import schema_text, write_schema

PREPROCESSING_FN = "trainer.preprocessing.preprocessing_fn"
UNFINISHED = "unfinished"


def create_pipeline(
    settings: Settings, places: Locations, enable_cache: bool = True, force_bless: str | RuntimeParameter = ""
) -> Pipeline:
    """The same components and edges for the first run and for every later one.

    Without the cache (`adclick run --fresh`), a model that an operator took out of service may be pushed again.
    `force_bless`: why a model that the gate refuses goes into service all the same; empty: it does not. A runtime
    parameter is asked for at each submission.
    """
    features = settings.features.model_dump_json()

    examples = AdExampleGen(settings.data, settings.features, code_fingerprint("components.example_gen.executor"))
    ingest_report = examples.outputs["ingest_report"]
    nodes: list[BaseComponent] = [examples]

    creative_store = None
    if settings.features.image is not None:
        code = code_fingerprint("components.creative_gen.executor")
        creatives = CreativeGen(ingest_report, settings.image_root, settings.creatives, places.pipeline_root, code)
        creative_store = creatives.outputs["creative_store"]
        nodes.append(creatives)

    statistics = ColumnStatisticsGen(
        examples.outputs["columns"],
        settings.features.label.impressions,
        code_fingerprint("components.statistics_gen.executor"),
    ).with_id("StatisticsGen")
    if settings.schema_source.source == "inferred":
        schema: BaseComponent = SchemaGen(statistics=statistics.outputs["statistics"], infer_feature_shape=False)
    else:
        schema = _given_schema(settings, places)
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    gate = AnomalyGate(
        validator.outputs["anomalies"],
        statistics.outputs["statistics"],
        statistics.outputs["span_statistics"],
        ingest_report,
        creative_store,
        settings,
        code_fingerprint("components.anomaly_gate.executor"),
    )

    transform = _transform(settings, examples, schema)
    transform.add_upstream_node(gate)
    tuners = _tuners(settings, places, transform, schema, creative_store)
    trainer = CreativeTrainer(
        transform.outputs["transformed_examples"],
        transform.outputs["transform_graph"],
        schema.outputs["schema"],
        creative_store,
        settings,
        code_fingerprint("trainer.run", "components.trainer.executor"),
        tuners[0].outputs["best_hyperparameters"] if tuners else None,
    )
    model = trainer.outputs["model"]

    served = ServedModel(
        model,
        places.model_folder,
        settings.push.model_name,
        settings.evaluation.baseline,
        code_fingerprint("components.served_model.executor"),
    )
    evaluator = ServedBaselineEvaluator(
        examples.outputs["examples"],
        model,
        served.outputs["baseline"],
        schema.outputs["schema"],
        examples.outputs["columns"],
        eval_config(settings.evaluation, settings.features, settings.data.negative_sampling_rate),
        features,
        settings.evaluation,
        settings.data.negative_sampling_rate,
        force_bless,
        code_fingerprint(
            "components.evaluator.executor",
            "components.evaluator.tfma_metrics",
            "components.evaluator.tfma_extractors",
        ),
    )
    infra_blessing = None
    canaries: list[BaseComponent] = []
    if settings.canary.enabled:
        canary = ServingCanary(
            examples.outputs["examples"],
            creative_store,
            model,
            evaluator.outputs["evaluation"],
            evaluator.outputs["blessing"],
            settings,
            code_fingerprint("components.serving_canary.executor", "serving.model_server"),
        )
        infra_blessing = canary.outputs["infra_blessing"]
        canaries.append(canary)
    pusher = AtomicPusher(
        model,
        evaluator.outputs["blessing"],
        infra_blessing,
        served.outputs["baseline"],
        evaluator.outputs["evaluation"],
        places.model_folder,
        settings.push.keep_versions,
        not enable_cache,
        code_fingerprint("components.pusher.executor"),
    )
    report = RunReport(
        examples.outputs["examples"],
        ingest_report,
        creative_store,
        statistics.outputs["span_statistics"],
        gate.outputs["verdict"],
        model,
        trainer.outputs["model_run"],
        served.outputs["baseline"],
        evaluator.outputs["evaluation"],
        evaluator.outputs["blessing"],
        infra_blessing,
        pusher.outputs["pushed_model"],
        settings.evaluation.model_copy(update={"truth": settings.truth_uri}),
        settings.features,
        code_fingerprint("components.run_report.executor"),
    )
    nodes += [statistics, schema, validator, gate, transform, *tuners, trainer, served, evaluator, *canaries]
    nodes += [pusher, report]
    return Pipeline(
        pipeline_name=settings.pipeline_name,
        pipeline_root=places.pipeline_root,
        components=nodes,
        enable_cache=enable_cache,
        metadata_connection_config=sqlite_metadata_connection_config(str(places.metadata)) if places.metadata else None,
    )


def _given_schema(settings: Settings, places: Locations) -> BaseComponent:
    if places.schemas is None:
        text = schema_text(settings.schema_source, settings.features)
        return SchemaFromText(text).with_id("ImportSchemaGen")
    return ImportSchemaGen(schema_file=str(write_schema(settings.schema_source, settings.features, places.schemas)))


def _transform(settings: Settings, examples: BaseComponent, schema: BaseComponent) -> BaseComponent:
    if settings.transform.engine == "columns":
        return ColumnTransformGen(
            examples.outputs["columns"],
            schema.outputs["schema"],
            settings.features,
            settings.data.shard_mb,
            code_fingerprint("components.transform.executor"),
        ).with_id("Transform")
    config = {"features": settings.features.model_dump_json(), "code": code_fingerprint("trainer.preprocessing")}
    return Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn=PREPROCESSING_FN,
        custom_config=config,
        disable_statistics=True,
        disable_analyzer_cache=True,
        force_tf_compat_v1=True,
    )


def _tuners(
    settings: Settings,
    places: Locations,
    transform: BaseComponent,
    schema: BaseComponent,
    creative_store: BaseChannel | None,
) -> list[BaseComponent]:
    """One where the settings ask for a search, else none."""
    if not settings.tuner.enabled:
        return []
    # KerasTuner and the other Keras below it take seconds to import.
    from components.tuner.component import CreativeTuner

    return [
        CreativeTuner(
            transform.outputs["transformed_examples"],
            transform.outputs["transform_graph"],
            schema.outputs["schema"],
            creative_store,
            settings,
            places.tuning / UNFINISHED,
            code_fingerprint("trainer.tuner", "components.tuner.executor"),
        )
    ]
