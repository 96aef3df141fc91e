"""One month's impressions: who saw which ad, where and when. No clicks yet: see click_model.py."""

from __future__ import annotations

import calendar
import dataclasses
import datetime

import numpy as np
import numpy.typing as npt

from simulator.population import (
    SITE_COUNT,
    Ads,
    Creatives,
    Floats,
    Ints,
    Population,
    Size,
    Stream,
    active_users,
    generator,
)

FIRST_YEAR = 2026
# A historical rate is seen through so many impressions of 30 days: a user's is noisier than a site's.
USER_HISTORY_IMPRESSIONS = 700
SITE_HISTORY_IMPRESSIONS = 6_000
HISTORY_LOG_ODDS = -2.5
NO_CREATIVE_SHARE = 0.005
POSITION_SHARES = (0.25, 0.22, 0.30, 0.15, 0.08)  # as in POSITIONS
DEVICE_SHARES = (0.52, 0.33, 0.09, 0.06)  # as in DEVICES, month 1
DEVICE_DRIFT = (0.06, -0.08, -0.01, 0.03)  # what the mix has moved by once the drift is complete
SITE_DRIFT_SPREAD = 0.20  # log of a site's traffic, month to month
HOUR_TRAFFIC = (2, 1, 1, 1, 1, 2, 4, 6, 7, 7, 6, 6, 7, 7, 6, 6, 6, 7, 8, 9, 10, 10, 8, 4)
WEEKDAY_TRAFFIC = (1.0, 1.0, 1.0, 1.0, 1.05, 0.9, 0.85)  # Monday first
POSITION_BID = (0.30, -0.10, 0.15, -0.40, 0.50)  # log of the bid, as in POSITIONS


@dataclasses.dataclass(frozen=True)
class Impressions:
    """One month's impressions in order of time; every array is [n]. Indices point into Population."""

    month: int
    second: Ints  # since the start of the month, UTC
    user: Ints
    is_newcomer: npt.NDArray[np.bool_]
    user_rate: Floats  # NaN for newcomers
    site: Ints
    site_rate: Floats  # NaN where not measured
    device: Ints
    position: Ints
    ad: Ints
    bid_usd: Floats
    has_creative: npt.NDArray[np.bool_]


def month_start(month: int) -> datetime.datetime:
    """First instant of `month` (1 = January of FIRST_YEAR), UTC."""
    return datetime.datetime(FIRST_YEAR + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=datetime.timezone.utc)


def drift(month: int) -> float:
    """How far the slow drift has got: 0 in month 1, then towards 1: 1 - exp(-(month - 1) / 4)."""
    return float(1 - np.exp(-(month - 1) / 4))


def sigmoid(log_odds: Floats) -> Floats:
    """1 / (1 + exp(-x))."""
    return np.asarray(1 / (1 + np.exp(-log_odds)), dtype=np.float64)


def month_impressions(size: Size, month: int) -> int:
    """Number of impressions of `month`: an equal share, the remainder spread over the first months."""
    return size.impressions // size.months + (month <= size.impressions % size.months)


def draw_seconds(rng: np.random.Generator, month: int, count: int) -> Ints:
    """Sorted seconds since the start of the month, following the traffic of weekday and hour."""
    start = month_start(month)
    days = calendar.monthrange(start.year, start.month)[1]
    weekday = (start.weekday() + np.arange(days)) % 7
    hourly = np.outer(np.array(WEEKDAY_TRAFFIC)[weekday], HOUR_TRAFFIC).ravel()  # [days * 24]
    hour = rng.choice(len(hourly), count, p=hourly / hourly.sum())
    return np.sort(hour * 3600 + rng.integers(3600, size=count))


def draw_ad_indices(rng: np.random.Generator, ads: Ads, creatives: Creatives, month: int, second: Ints) -> Ints:
    """Ads shown at `second`: only those launched by that day, and each month halves an ad's traffic."""
    age_months = month - creatives.launch_month[ads.creative]
    launch_day = creatives.launch_day[ads.creative]
    weight = ads.popularity * np.where(age_months >= 0, 0.5 ** np.maximum(age_months, 0), 0)
    chosen = np.empty(len(second), dtype=np.int64)
    uniform = rng.random(len(second))
    day = second // 86_400 + 1
    for today in np.unique(day):
        rows = day == today
        running = np.cumsum(np.where((age_months > 0) | (launch_day <= today), weight, 0))
        chosen[rows] = np.searchsorted(running, uniform[rows] * running[-1], side="right")
    return chosen


def historical_rates(rng: np.random.Generator, effect: Floats, impressions: float) -> Floats:
    """Rates seen through n `impressions` each: Beta(r n, (1 - r) n) with r = sigmoid(-2.5 + effect)."""
    rate = sigmoid(HISTORY_LOG_ODDS + effect)
    drawn = rng.beta(rate * impressions, (1 - rate) * impressions)
    return np.asarray(np.clip(np.round(drawn, 4), 0.0001, 0.9999), dtype=np.float64)


def site_traffic(population: Population, size: Size, month: int) -> Floats:
    """Share of each site in `month`: a random walk of the log traffic from month 1's shares."""
    steps = generator(size.seed, Stream.SITE_DRIFT).normal(0, SITE_DRIFT_SPREAD, (size.months, SITE_COUNT))
    traffic = population.sites.traffic * np.exp(steps[1:month].sum(axis=0))
    return np.asarray(traffic / traffic.sum(), dtype=np.float64)


def draw_impressions(population: Population, size: Size, month: int) -> Impressions:
    """The impressions of `month` (1 = first), in order of time."""
    users, sites = population.users, population.sites
    count = month_impressions(size, month)
    rates = generator(size.seed, Stream.RATES, month)
    first, first_newcomer, end = active_users(size, month)
    user_rate = historical_rates(rates, users.propensity, USER_HISTORY_IMPRESSIONS)
    user_rate[first_newcomer:] = np.nan
    site_rate = historical_rates(rates, sites.effect, SITE_HISTORY_IMPRESSIONS)
    site_rate[~sites.is_measured] = np.nan

    rng = generator(size.seed, Stream.TRAFFIC, month)
    second = draw_seconds(rng, month, count)
    activity = users.activity[first:end]
    user = first + rng.choice(end - first, count, p=activity / activity.sum())
    site = rng.choice(SITE_COUNT, count, p=site_traffic(population, size, month))
    device_shares = np.array(DEVICE_SHARES) + drift(month) * np.array(DEVICE_DRIFT)
    device = rng.choice(len(device_shares), count, p=device_shares / device_shares.sum())
    position = rng.choice(len(POSITION_SHARES), count, p=POSITION_SHARES)
    bid_usd = np.exp(rng.normal(0.2 + np.array(POSITION_BID)[position], 0.5))
    return Impressions(
        month=month,
        second=second,
        user=user,
        is_newcomer=user >= first_newcomer,
        user_rate=user_rate[user],
        site=site,
        site_rate=site_rate[site],
        device=device,
        position=position,
        ad=draw_ad_indices(rng, population.ads, population.creatives, month, second),
        bid_usd=np.round(bid_usd, 4),
        has_creative=rng.random(count) >= NO_CREATIVE_SHARE,
    )
