"""Values that the simulated categorical columns take; no numpy here, so that anything may import it.

Order matters: `COUNTRIES` and `SEGMENTS` are ranked (the first is the most frequent), and the click model's
tables follow the order of the words here.
"""

from __future__ import annotations

COLUMNS: tuple[str, ...] = (
    "impression_id",
    "timestamp",
    "user_id",
    "user_age",
    "user_segment",
    "user_ctr_30d",
    "country",
    "device",
    "site_id",
    "site_category",
    "site_ctr_30d",
    "position",
    "ad_id",
    "campaign_id",
    "advertiser_category",
    "bid_price",
    "image_path",
    "clicked",
)

# segment -> the group of tastes it belongs to
SEGMENT_GROUPS: dict[str, str] = {
    "travellers": "leisure",
    "foodies": "leisure",
    "sports_fans": "leisure",
    "parents": "home",
    "retirees": "home",
    "homeowners": "home",
    "students": "digital",
    "gamers": "digital",
    "tech_enthusiasts": "digital",
    "young_professionals": "value",
    "bargain_hunters": "value",
    "commuters": "value",
}

# advertiser category -> the group of goods it belongs to
ADVERTISER_GROUPS: dict[str, str] = {
    "travel": "outing",
    "restaurants": "outing",
    "sports": "outing",
    "home_garden": "household",
    "groceries": "household",
    "insurance": "household",
    "electronics": "gadgets",
    "gaming": "gadgets",
    "telecom": "gadgets",
    "fashion": "shopping",
    "automotive": "shopping",
    "finance": "shopping",
}

# site category -> mean shift of the log odds of a click on its sites; one holds a comma, as real exports do
SITE_CATEGORIES: dict[str, float] = {
    "news": -0.10,
    "sports": 0.05,
    "weather": -0.15,
    "video": 0.10,
    "social": 0.15,
    "shopping": 0.25,
    "games": 0.00,
    "arts, culture": -0.05,
    "finance": -0.20,
    "recipes": 0.10,
}

SEGMENTS: tuple[str, ...] = tuple(SEGMENT_GROUPS)
ADVERTISER_CATEGORIES: tuple[str, ...] = tuple(ADVERTISER_GROUPS)
TASTES: tuple[str, ...] = ("leisure", "home", "digital", "value")
GOODS: tuple[str, ...] = ("outing", "household", "gadgets", "shopping")
DEVICES: tuple[str, ...] = ("mobile", "desktop", "tablet", "ctv")
POSITIONS: tuple[str, ...] = ("top", "sidebar", "in_feed", "footer", "interstitial")
COUNTRIES: tuple[str, ...] = (
    "US",
    "GB",
    "DE",
    "FR",
    "CA",
    "ES",
    "IT",
    "NL",
    "BR",
    "AU",
    "PL",
    "SE",
    "JP",
    "MX",
    "IN",
)
ATTRIBUTES: tuple[str, ...] = ("warmth", "contrast", "saturation", "clutter", "cta")
