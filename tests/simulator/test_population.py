"""Users come and go, creatives are launched month by month, styles follow the advertiser."""

from __future__ import annotations

import numpy as np

from simulator.population import (
    Size,
    Stream,
    active_users,
    draw_ads,
    draw_attributes,
    draw_creatives,
    draw_sites,
    draw_users,
    generator,
    launch_months,
    zipf_weights,
)

SIZE = Size(impressions=9_000, creatives=800, months=3, users=4_000, seed=5)


def test_zipf_weights_fall_with_the_rank() -> None:
    # 1/1, 1/2, 1/4 for ranks 1, 2, 4: over their sum 1 + 1/2 + 1/3 + 1/4 = 25/12
    np.testing.assert_allclose(zipf_weights(4, 1.0), np.array([1, 1 / 2, 1 / 3, 1 / 4]) / (25 / 12))


def test_streams_are_independent_and_repeatable() -> None:
    first = generator(7, Stream.USERS).random(3)
    np.testing.assert_array_equal(first, generator(7, Stream.USERS).random(3))
    for other in (generator(8, Stream.USERS), generator(7, Stream.SITES), generator(7, Stream.USERS, 1)):
        assert not np.allclose(first, other.random(3))


def test_a_quarter_of_the_active_users_is_replaced_each_month() -> None:
    # 4000 active, 1000 of them new: months start at 0, 1000, 2000
    assert [active_users(SIZE, month) for month in (1, 2, 3)] == [
        (0, 3_000, 4_000),
        (1_000, 4_000, 5_000),
        (2_000, 5_000, 6_000),
    ]
    assert len(draw_users(SIZE).age) == 6_000


def test_unknown_ages_and_segments_have_their_share() -> None:
    users = draw_users(SIZE)
    assert 0.10 < np.isnan(users.age).mean() < 0.14
    assert 0.02 < (users.segment == -1).mean() < 0.04
    known = users.age[~np.isnan(users.age)]
    assert known.min() >= 18
    assert known.max() <= 90
    np.testing.assert_array_equal(known, known.round())


def test_site_effects_are_centred_and_only_small_sites_lack_a_rate() -> None:
    sites = draw_sites(SIZE)
    assert abs(sites.traffic @ sites.effect) < 1e-12
    unmeasured = np.flatnonzero(~sites.is_measured)
    assert len(unmeasured) > 0
    assert unmeasured.min() >= 150


def test_every_month_launches_creatives_and_the_first_twice_as_many() -> None:
    # 800 creatives over 3 months: shares 2 + 1 + 1 of 200 each
    np.testing.assert_array_equal(np.bincount(launch_months(800, 3))[1:], [400, 200, 200])
    for months in range(1, 8):
        np.testing.assert_array_equal(launch_months(months, months), np.arange(1, months + 1))


def test_a_creative_is_there_on_the_first_day_of_each_month() -> None:
    creatives = draw_creatives(SIZE)
    for month in (1, 2, 3):
        days = creatives.launch_day[creatives.launch_month == month]
        assert days[0] == 1
        assert days.max() > 20
        assert 0.3 < (days == 1).mean() < 0.55


def test_creative_names_are_unique_and_of_both_formats() -> None:
    names = draw_creatives(SIZE).names
    assert len(set(names)) == 800
    assert {name.rsplit(".")[1] for name in names} == {"png", "jpg"}


def test_attributes_follow_their_style_and_still_vary() -> None:
    style = np.array([0.3, 0.7, 0.5, 0.4, 0.6])
    drawn = draw_attributes(np.random.default_rng(1), np.tile(style, (20_000, 1)))
    np.testing.assert_allclose(drawn.mean(axis=0), style, atol=0.012)
    # Beta with a + b = 2.6: variance m (1 - m) / 3.6, for m = 0.3 it is 0.0583
    np.testing.assert_allclose(drawn[:, :4].var(axis=0), (style * (1 - style) / 3.6)[:4], atol=0.003)
    assert set(np.unique(drawn[:, 4])) == {0.0, 1.0}


def test_creatives_of_one_category_resemble_each_other_a_little() -> None:
    creatives = draw_creatives(Size(1, 6_000, 1, 20, 5))
    warmth = creatives.attributes[:, 0]
    means = np.array([warmth[creatives.category == category].mean() for category in range(12)])
    between = means[creatives.category].var() / warmth.var()
    assert 0.01 < between < 0.3


def test_every_creative_has_one_ad_or_two() -> None:
    counts = np.bincount(draw_ads(SIZE).creative)
    assert len(counts) == 800
    assert set(counts.tolist()) == {1, 2}
