"""What a click team would try first on the same columns: logistic regression and gradient-boosted trees."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from configs.features import Bucketized, Categorical, FeatureTable, Hashed, Numeric, Text

MIN_FREQUENCY = 5  # of a one-hot column
TRIALS = 8
ROUNDS, PATIENCE = 2000, 50
VALIDATION_SHARE = 0.15
Scores = npt.NDArray[np.float64]


def logistic_regression(train: Any, unseen: Any, table: FeatureTable) -> Scores:
    """scikit-learn's, C = 1: one-hot strings, standardised numbers with a missing flag, bags of words.

    train, unseen: pandas.DataFrames of the parsed cells. Returns probabilities, [unseen rows].
    """
    from scipy import sparse
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    train, unseen = with_hours(train, table), with_hours(unseen, table)
    parts: list[tuple[Any, Any]] = []
    for feature in table:
        if isinstance(feature, Categorical | Hashed):
            encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=MIN_FREQUENCY)
            cells = [frame[[feature.name]].fillna("").astype(str) for frame in (train, unseen)]
            parts.append((encoder.fit_transform(cells[0]), encoder.transform(cells[1])))
        elif isinstance(feature, Text):
            words = CountVectorizer(
                tokenizer=lambda cell, by=feature.separator: [word for word in cell.split(by) if word],
                token_pattern=None,
                lowercase=False,
                min_df=MIN_FREQUENCY,
                binary=True,
            )
            texts = [frame[feature.name].fillna("") for frame in (train, unseen)]
            parts.append((words.fit_transform(texts[0]), words.transform(texts[1])))
    for name in number_names(table):
        both = [frame[name].to_numpy(np.float64)[:, None] for frame in (train, unseen)]
        missing = [np.isnan(values) for values in both]
        if missing[0].all():
            continue
        filled = [np.where(gaps, np.nanmean(both[0]), values) for gaps, values in zip(missing, both, strict=True)]
        scaler = StandardScaler().fit(filled[0])
        parts.append(tuple(sparse.csr_matrix(scaler.transform(values)) for values in filled))
        parts.append((sparse.csr_matrix(missing[0] * 1.0), sparse.csr_matrix(missing[1] * 1.0)))
    model = LogisticRegression(C=1.0, max_iter=500)
    model.fit(sparse.hstack([one for one, _ in parts]).tocsr(), train[table.label.name])
    predicted: Scores = model.predict_proba(sparse.hstack([other for _, other in parts]).tocsr())[:, 1]
    return predicted


def tuned_lightgbm(train: Any, unseen: Any, table: FeatureTable, seed: int = 0) -> Scores:
    """LightGBM with native categories, the best of TRIALS random settings by validation log loss, early-stopped.

    Words become a column each, present or not. Returns probabilities, [unseen rows].
    """
    import lightgbm
    import pandas as pd

    train, unseen = with_hours(train, table), with_hours(unseen, table)
    columns: dict[str, tuple[Any, Any]] = {}
    categories = []
    for feature in table:
        if isinstance(feature, Categorical | Hashed):
            codes, values = pd.factorize(train[feature.name], use_na_sentinel=True)
            columns[feature.name] = (codes, values.get_indexer(unseen[feature.name]))
            categories.append(feature.name)
        elif isinstance(feature, Text):
            bags = [frame[feature.name].fillna("").str.split(feature.separator) for frame in (train, unseen)]
            counts = bags[0].explode().value_counts()
            for number, word in enumerate(counts[counts >= 50].index):
                held = tuple(np.array([word in bag for bag in column]) for column in bags)
                columns[f"{feature.name}_{number}"] = held  # type: ignore[assignment]  # two of them
    for name in number_names(table):
        columns[name] = (train[name].to_numpy(np.float64), unseen[name].to_numpy(np.float64))
    frames = [pd.DataFrame({name: both[side] for name, both in columns.items()}) for side in (0, 1)]
    label = train[table.label.name].to_numpy()
    generator = np.random.default_rng(seed)
    validation = generator.random(len(label)) < VALIDATION_SHARE
    fitting = lightgbm.Dataset(frames[0][~validation], label[~validation], categorical_feature=categories)
    judging = fitting.create_valid(frames[0][validation], label[validation])
    best: tuple[float, Any] = (np.inf, None)
    for _ in range(TRIALS):
        parameters = {
            "objective": "binary",
            "verbosity": -1,
            "num_threads": 2,
            "seed": seed,
            "learning_rate": float(generator.choice([0.03, 0.06])),
            "num_leaves": int(generator.choice([7, 15, 31, 63])),
            "min_data_in_leaf": int(generator.choice([20, 50, 100])),
            "cat_smooth": float(generator.choice([10, 30, 100])),
            "cat_l2": float(generator.choice([1, 10, 30])),
            "lambda_l2": float(generator.choice([0, 1, 10])),
            "feature_fraction": float(generator.choice([0.6, 0.8, 1.0])),
            "max_cat_threshold": int(generator.choice([32, 128, 512])),
        }
        stop = lightgbm.early_stopping(PATIENCE, verbose=False)
        found = lightgbm.train(
            {**parameters, "feature_pre_filter": False}, fitting, ROUNDS, [judging], callbacks=[stop]
        )
        loss = found.best_score["valid_0"]["binary_logloss"]
        if loss < best[0]:
            best = (loss, found)
    predicted: Scores = best[1].predict(frames[1])
    return predicted


def number_names(table: FeatureTable) -> list[str]:
    """Columns that both peers take as numbers."""
    numbers = [feature.name for feature in table if isinstance(feature, Numeric | Bucketized)]
    stamp = table.timestamp
    return numbers + [f"{stamp.name}_{cycle}" for cycle in stamp.derive] if stamp else numbers


def with_hours(frame: Any, table: FeatureTable) -> Any:
    """The frame with hour and weekday beside the timestamp, where the model gets them too."""
    stamp = table.timestamp
    if stamp is None or not stamp.derive:
        return frame
    seconds = frame[stamp.name]
    cycles = {"hour": seconds // 3600 % 24, "weekday": (seconds // 86_400 + 3) % 7}
    return frame.assign(**{f"{stamp.name}_{cycle}": cycles[cycle] for cycle in stamp.derive})
