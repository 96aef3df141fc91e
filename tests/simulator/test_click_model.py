"""The formula by hand, its drift, and whether a good model can learn it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression

from simulator.click_model import (
    COEFFICIENTS,
    Clicks,
    attribute_weights,
    column_log_odds,
    draw_clicks,
    expected_probability,
)
from simulator.population import Ads, Creatives, Population, Sites, Size, Users, draw_population
from simulator.traffic import Impressions, draw_impressions, drift
from simulator.truth import auc, soft_auc
from simulator.vocabulary import (
    ADVERTISER_CATEGORIES,
    ADVERTISER_GROUPS,
    COUNTRIES,
    DEVICES,
    GOODS,
    POSITIONS,
    SEGMENT_GROUPS,
    SEGMENTS,
    TASTES,
)

STANDARD = Size(impressions=50_000, creatives=2_000, months=1, users=8_000, seed=7)
Matrix = npt.NDArray[np.float64]


def one_user(age: float, segment: int) -> Users:
    return Users(
        age=np.array([age]),
        segment=np.array([segment]),
        country=np.array([COUNTRIES.index("US")]),
        propensity=np.array([0.4]),
        newcomer_propensity=np.array([-0.1]),
        activity=np.ones(1),
    )


def one_impression(users: Users, **changes: Any) -> tuple[Population, Impressions]:
    """A gamer of 52 who sees an electronics ad at 20:00 on a phone, in the feed, at a bid of exp(0.7) USD."""
    population = Population(
        users,
        Sites(np.zeros(1, dtype=np.int64), np.array([0.3]), np.ones(1), np.ones(1, dtype=bool)),
        Creatives(
            names=["cr_00000.png"],
            attributes=np.array([[0.2, 0.9, 0.5, 0.0, 1.0]]),
            size_px=np.array([[120, 90]]),
            campaign=np.zeros(1, dtype=np.int64),
            category=np.array([ADVERTISER_CATEGORIES.index("electronics")]),
            launch_month=np.ones(1, dtype=np.int64),
            launch_day=np.ones(1, dtype=np.int64),
            styles=np.full((12, 5), 0.5),
        ),
        Ads(np.zeros(1, dtype=np.int64), np.ones(1)),
    )
    impressions = Impressions(
        month=1,
        second=np.array([20 * 3600]),
        user=np.zeros(1, dtype=np.int64),
        is_newcomer=np.zeros(1, dtype=bool),
        user_rate=np.array([0.1]),
        site=np.zeros(1, dtype=np.int64),
        site_rate=np.array([0.1]),
        device=np.array([DEVICES.index("mobile")]),
        position=np.array([POSITIONS.index("in_feed")]),
        ad=np.zeros(1, dtype=np.int64),
        bid_usd=np.exp([0.7]),
        has_creative=np.ones(1, dtype=bool),
    )
    return population, dataclasses.replace(impressions, **changes)


GAMER = one_user(52.0, SEGMENTS.index("gamers"))


def test_columns_add_up() -> None:
    population, impressions = one_impression(GAMER)
    # base, user, site, mobile, in the feed, peak hour, a decade over 42, US, digital × gadgets, bid z = 1
    expected = -3.02 + 0.4 + 0.3 + 0.18 + 0.20 + 0.20 + 0.06 + 0.10 + 0.55 + 0.08
    assert column_log_odds(population, impressions, COEFFICIENTS)[0] == pytest.approx(expected)


def test_missing_values_add_nothing_and_newcomers_have_their_own_propensity() -> None:
    population, impressions = one_impression(one_user(np.nan, -1), is_newcomer=np.ones(1, dtype=bool))
    expected = -3.02 - 0.1 + 0.3 + 0.18 + 0.20 + 0.20 + 0.10 + 0.08  # no age, no taste
    assert column_log_odds(population, impressions, COEFFICIENTS)[0] == pytest.approx(expected)


def test_the_probability_is_the_documented_formula() -> None:
    population, impressions = one_impression(GAMER)
    # attributes 0.2, 0.9, 0.5, 0, 1 are x = -0.6, 0.8, 0, -1, 1; digital, in the feed, evening, mobile twice
    image = -0.70 * -0.6 + 0.35 * 0.8 + 0.40 * 0.0 + -0.75 * -1 + 0.68 * 1
    clicks = draw_clicks(population, impressions, STANDARD)
    assert clicks.probability[0] == pytest.approx(1 / (1 + np.exp(-(-0.95 + image))))


def test_without_a_creative_the_columns_say_all() -> None:
    population, impressions = one_impression(GAMER, has_creative=np.zeros(1, dtype=bool))
    clicks = draw_clicks(population, impressions, STANDARD)
    expected = 1 / (1 + np.exp(0.95))
    assert clicks.probability[0] == pytest.approx(expected)
    assert clicks.probability_columns_only[0] == pytest.approx(expected)


def test_drift_moves_the_base_and_two_weights() -> None:
    traveller = one_user(52.0, SEGMENTS.index("travellers"))
    population, first = one_impression(traveller)
    later = dataclasses.replace(first, month=5)  # drift(5) = 1 - 1/e = 0.632
    moved = column_log_odds(population, later, COEFFICIENTS) - column_log_odds(population, first, COEFFICIENTS)
    assert moved[0] == pytest.approx(-0.10 * drift(5))
    moved = attribute_weights(population, later, COEFFICIENTS) - attribute_weights(population, first, COEFFICIENTS)
    np.testing.assert_allclose(moved[0], [-0.25 * drift(5), 0, 0, 0, -0.15 * drift(5)], atol=1e-12)


def test_expected_probability_is_the_mean_over_creatives() -> None:
    # weights (2, 0, 0, 0, 1); attributes give x = (1, ., ., ., -1) and (0, ., ., ., 1): log odds
    # -1 + 1 and -1 + 1 for the first row; -1 + 0 for both of the second, whose weights are zero
    attributes = np.array([[1.0, 0.3, 0.1, 0.2, 0.0], [0.5, 0.9, 0.8, 0.7, 1.0]])
    weights = np.array([[2.0, 0, 0, 0, 1.0], [0, 0, 0, 0, 0], [2.0, 0, 0, 0, -1.0]])
    expected = expected_probability(np.full(3, -1.0), weights, attributes)
    sigmoid = {value: 1 / (1 + np.exp(-value)) for value in (-2, -1, 0, 2)}
    # third row: -1 + 2 + 1 = 2 and -1 + 0 - 1 = -2
    np.testing.assert_allclose(expected, [sigmoid[0], sigmoid[-1], (sigmoid[2] + sigmoid[-2]) / 2])


@dataclasses.dataclass(frozen=True)
class Drawn:
    population: Population
    impressions: Impressions
    clicks: Clicks


@pytest.fixture(scope="module")
def standard() -> Drawn:
    population = draw_population(STANDARD)
    impressions = draw_impressions(population, STANDARD, 1)
    return Drawn(population, impressions, draw_clicks(population, impressions, STANDARD))


def test_rate_ceiling_and_what_images_explain(standard: Drawn) -> None:
    clicks = standard.clicks
    assert 0.08 < clicks.clicked.mean() < 0.09
    bayes = auc(clicks.clicked, clicks.probability)
    assert 0.76 < bayes < 0.79
    assert 0.05 < bayes - auc(clicks.clicked, clicks.probability_columns_only) < 0.08


def test_columns_only_is_calibrated(standard: Drawn) -> None:
    # an expectation of p given less: in each fifth by it, the mean of p must agree
    clicks = standard.clicks
    order = np.argsort(clicks.probability_columns_only)
    for fifth in np.array_split(order, 5):
        assert clicks.probability[fifth].mean() == pytest.approx(
            clicks.probability_columns_only[fifth].mean(), rel=0.05
        )


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_rate_holds_for_other_seeds_and_later_months(seed: int) -> None:
    size = Size(impressions=20_000, creatives=600, months=2, users=2_000, seed=seed)
    population = draw_population(size)
    for month in (1, 2):
        clicks = draw_clicks(population, draw_impressions(population, size, month), size)
        assert 0.07 < clicks.probability.mean() < 0.10


def one_hot(indices: npt.NDArray[np.int64], count: int) -> Matrix:
    return np.eye(count)[indices]


def products(left: Matrix, right: Matrix) -> Matrix:
    return np.asarray((left[:, :, None] * right[:, None, :]).reshape(len(left), -1))


def column_features(drawn: Drawn) -> Matrix:
    """What an engineer would make of the CSV's columns; user and site only by their historical rates."""
    population, shown = drawn.population, drawn.impressions
    category = population.creatives.category[population.ads.creative[shown.ad]]
    hour = 2 * np.pi * (shown.second % 86_400) / 86_400
    rates = np.column_stack([shown.user_rate, shown.site_rate])
    known = ~np.isnan(rates)
    rates = np.where(known, rates, 0.0759)  # sigmoid(-2.5)
    goods = one_hot(np.array([GOODS.index(ADVERTISER_GROUPS[name]) for name in ADVERTISER_CATEGORIES]), 4)[category]
    return np.hstack(
        [
            np.log(rates / (1 - rates)) + 2.5,
            known,
            one_hot(shown.device, len(DEVICES)),
            one_hot(shown.position, len(POSITIONS)),
            np.column_stack([np.cos(hour), np.sin(hour)]),
            np.nan_to_num(population.users.age[shown.user] - 42)[:, None] / 20,
            one_hot(population.users.country[shown.user], len(COUNTRIES)),
            one_hot(population.users.segment[shown.user] + 1, len(SEGMENTS) + 1),
            one_hot(category, len(ADVERTISER_CATEGORIES)),
            np.log(shown.bid_usd)[:, None],
            products(tastes(drawn), goods),
        ]
    )


def tastes(drawn: Drawn) -> Matrix:
    group = np.array([TASTES.index(SEGMENT_GROUPS[name]) for name in SEGMENTS] + [len(TASTES)])
    return one_hot(group[drawn.population.users.segment[drawn.impressions.user]], len(TASTES) + 1)


def image_features(drawn: Drawn) -> Matrix:
    """The true attributes and their products with the columns that the formula names."""
    population, shown = drawn.population, drawn.impressions
    centred = 2 * population.creatives.attributes[population.ads.creative[shown.ad]] - 1
    centred = centred * shown.has_creative[:, None]
    device = one_hot(shown.device, len(DEVICES))
    is_evening = (shown.second % 86_400 >= 18 * 3600)[:, None].astype(np.float64)
    return np.hstack(
        [
            centred,
            products(centred[:, :1], tastes(drawn)),
            products(centred[:, 1:2], one_hot(shown.position, len(POSITIONS))),
            centred[:, 2:3] * is_evening,
            products(centred[:, 3:], device),
        ]
    )


def share_learnt(drawn: Drawn, features: Matrix) -> float:
    """(soft AUC - 1/2) / (Bayes soft AUC - 1/2) on the last fifth by time, learnt from the first four."""
    split = len(features) * 4 // 5
    model = LogisticRegression(C=0.3, max_iter=300).fit(features[:split], drawn.clicks.clicked[:split])
    truth = drawn.clicks.probability[split:]
    learnt = soft_auc(truth, model.decision_function(features[split:]))
    return (learnt - 0.5) / (soft_auc(truth, truth) - 0.5)


def test_a_good_model_learns_the_truth_and_needs_the_images(standard: Drawn) -> None:
    columns = column_features(standard)
    assert share_learnt(standard, np.hstack([columns, image_features(standard)])) >= 0.96
    assert share_learnt(standard, columns) <= 0.80
