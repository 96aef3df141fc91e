"""When, where and what was shown."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from simulator.population import Population, Size, draw_population
from simulator.traffic import (
    Impressions,
    draw_impressions,
    draw_seconds,
    drift,
    historical_rates,
    month_impressions,
    month_start,
    site_traffic,
)

SIZE = Size(impressions=40_001, creatives=400, months=2, users=3_000, seed=11)


@pytest.fixture(scope="module")
def population() -> Population:
    return draw_population(SIZE)


@pytest.fixture(scope="module")
def months(population: Population) -> list[Impressions]:
    return [draw_impressions(population, SIZE, month) for month in (1, 2)]


def test_months_start_in_january_2026_and_run_on() -> None:
    assert month_start(1).isoformat() == "2026-01-01T00:00:00+00:00"
    assert month_start(14).isoformat() == "2027-02-01T00:00:00+00:00"


def test_drift_starts_at_nothing_and_stays_below_one() -> None:
    assert drift(1) == 0
    assert drift(5) == pytest.approx(1 - np.exp(-1))
    assert drift(120) < 1


def test_impressions_are_split_without_loss() -> None:
    size = Size(impressions=11, creatives=3, months=3, users=5, seed=1)
    assert [month_impressions(size, month) for month in (1, 2, 3)] == [4, 4, 3]


def test_seconds_stay_in_their_month_and_peak_in_the_evening() -> None:
    second = draw_seconds(np.random.default_rng(2), 2, 20_000)  # February: 28 days
    assert (np.diff(second) >= 0).all()
    assert second.min() >= 0
    assert second.max() < 28 * 86_400
    hours = np.bincount(second % 86_400 // 3600, minlength=24)
    assert hours[20] > 5 * hours[3]


def test_no_ad_is_shown_before_its_launch(population: Population, months: list[Impressions]) -> None:
    creatives = population.creatives
    for impressions in months:
        creative = population.ads.creative[impressions.ad]
        shown = [
            month_start(impressions.month) + datetime.timedelta(seconds=int(second)) for second in impressions.second
        ]
        launched = [
            month_start(int(month)) + datetime.timedelta(days=int(day) - 1)
            for month, day in zip(creatives.launch_month[creative], creatives.launch_day[creative], strict=True)
        ]
        assert all(moment >= launch for moment, launch in zip(shown, launched, strict=True))


def test_the_second_month_brings_new_creatives_and_keeps_old_ones(
    population: Population, months: list[Impressions]
) -> None:
    launch_month = population.creatives.launch_month[population.ads.creative[months[1].ad]]
    assert 0.2 < (launch_month == 2).mean() < 0.8


def test_missing_cells_have_their_share(months: list[Impressions]) -> None:
    for impressions in months:
        assert 0.20 < np.isnan(impressions.user_rate).mean() < 0.30
        np.testing.assert_array_equal(np.isnan(impressions.user_rate), impressions.is_newcomer)
        assert 0 < np.isnan(impressions.site_rate).mean() < 0.04
        assert 0.002 < 1 - impressions.has_creative.mean() < 0.009


def test_a_newcomer_has_a_rate_in_the_next_month(months: list[Impressions]) -> None:
    newcomers = set(months[0].user[months[0].is_newcomer])
    later = np.isin(months[1].user, list(newcomers))
    assert later.any()
    assert not np.isnan(months[1].user_rate[later]).any()


def test_historical_rates_are_near_the_true_ones() -> None:
    # r = sigmoid(-2.5 + 0.5) = 0.1192; Beta's deviation sqrt(r (1 - r) / (n + 1)) = 0.01225 for n = 699
    rates = historical_rates(np.random.default_rng(4), np.full(20_000, 0.5), 699)
    assert rates.mean() == pytest.approx(0.1192, abs=0.0004)
    assert rates.std() == pytest.approx(0.01225, abs=0.0004)


def test_the_device_mix_drifts(months: list[Impressions]) -> None:
    first, second = (np.bincount(month.device, minlength=4) / len(month.device) for month in months)
    # mobile less desktop moves by (0.06 + 0.08) drift(2) = 0.14 * 0.2212 = 0.0310; its noise is 0.009
    moved = (second - first)[0] - (second - first)[1]
    assert moved == pytest.approx(0.0310, abs=0.025)


def test_the_site_mix_drifts(population: Population) -> None:
    first, second = (site_traffic(population, SIZE, month) for month in (1, 2))
    np.testing.assert_allclose(first, population.sites.traffic)
    assert second.sum() == pytest.approx(1)
    # normal steps of 0.20 in the log, up to the constant that keeps the sum
    assert np.log(second / first).std() == pytest.approx(0.20, abs=0.03)
