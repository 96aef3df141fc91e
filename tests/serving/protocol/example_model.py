"""A small real SavedModel of the TF1 kind: signatures that take tf.Examples, with method names of their own."""

from __future__ import annotations

from pathlib import Path


def export_example_model(folder: Path) -> Path:
    """score = x + 10 * query of each tf.Example; x defaults to -1, query to 0. Returns `folder`."""
    import tensorflow.compat.v1 as tf

    graph = tf.Graph()
    with graph.as_default(), tf.Session(graph=graph) as session:
        serialized = tf.placeholder(tf.string, [None], name="examples")
        unused = tf.placeholder(tf.string, [None], name="unused")
        parsed = tf.io.parse_example(
            serialized, {"x": tf.FixedLenFeature([], tf.float32, -1.0), "query": tf.FixedLenFeature([], tf.int64, 0)}
        )
        score = parsed["x"] + 10.0 * tf.cast(parsed["query"], tf.float32)
        scores = tf.stack([score, -score], axis=1)
        labels = tf.fill(tf.shape(scores), b"caf\xc3\xa9")

        def signature(method, inputs=None, **outputs):  # type: ignore[no-untyped-def]
            return tf.saved_model.build_signature_def(
                {
                    name: tf.saved_model.build_tensor_info(tensor)
                    for name, tensor in (inputs or {"inputs": serialized}).items()
                },
                {name: tf.saved_model.build_tensor_info(tensor) for name, tensor in outputs.items()},
                f"tensorflow/serving/{method}",
            )

        builder = tf.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {
                "serving_default": signature("classify", classes=labels, scores=scores),
                "classes_only": signature("classify", classes=labels),
                "scores_only": signature("classify", scores=scores),
                "flat_scores": signature("classify", scores=score),
                "half_batch": signature("classify", scores=scores[:1]),
                "uneven": signature("classify", classes=labels, scores=scores[:, :1]),
                "other_names": signature("classify", labels=labels),
                "regress": signature("regress", outputs=score),
                "regress_column": signature("regress", outputs=score[:, None]),
                "regress_matrix": signature("regress", outputs=scores),
                "regress_double": signature("regress", outputs=tf.cast(score, tf.float64)),
                "regress_one": signature("regress", outputs=score[:1]),
                "other_input": signature("regress", {"examples": serialized}, outputs=score),
                "two_inputs": signature("regress", {"inputs": serialized, "more": unused}, outputs=score),
                "predict": signature("predict", outputs=score),
            },
        )
        builder.save()
    return folder
