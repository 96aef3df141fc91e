"""Files of a sample: where they go, what may be replaced, how a month's table becomes CSV.

`truth/files.txt` lists every file of the sample, one relative path a line, and is written first, so that even
an interrupted sample can be replaced without touching anything else.
"""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from simulator.click_model import Clicks
from simulator.population import Creatives, Floats, Ints, Population, Size
from simulator.traffic import Impressions, month_start
from simulator.vocabulary import (
    ADVERTISER_CATEGORIES,
    ATTRIBUTES,
    COLUMNS,
    COUNTRIES,
    DEVICES,
    POSITIONS,
    SEGMENTS,
    SITE_CATEGORIES,
)

MANIFEST = "truth/files.txt"
ABOUT = "truth/about.json"
CREATIVES_TRUTH = "truth/creatives.csv"
TRUTH_COLUMNS = ("impression_id", "click_probability", "click_probability_columns_only")
CREATIVE_COLUMNS = (
    "image_path",
    "campaign_id",
    "advertiser_category",
    "launch_month",
    "launch_day",
    "width_px",
    "height_px",
    *ATTRIBUTES,
)


class OutputRefusedError(ValueError):
    """The output directory holds something that must not be replaced."""


def impressions_path(month: int) -> str:
    """Path of a month's impressions, relative to the output directory."""
    return f"data/month-{month}/impressions.csv"


def truth_path(month: int) -> str:
    """Path of a month's click probabilities, relative to the output directory."""
    return f"truth/month-{month}.csv"


def image_path(name: str) -> str:
    """What the impressions' image_path column says; relative to data/."""
    return f"images/{name}"


def planned_paths(size: Size, image_names: Iterable[str]) -> list[str]:
    """Every file of a sample, relative to the output directory."""
    months = range(1, size.months + 1)
    return [
        MANIFEST,
        *(impressions_path(month) for month in months),
        *(truth_path(month) for month in months),
        CREATIVES_TRUTH,
        ABOUT,
        *(f"data/{image_path(name)}" for name in image_names),
    ]


def prepare_output(output: Path, planned: Sequence[str], force: bool) -> None:
    """Make room for `planned` files under `output` and write the manifest.

    Raises:
        OutputRefusedError: `output` is a file; it is not empty and `force` is False; or `force` would have to
            replace a file that no earlier sample wrote.
    """
    if output.exists() and not output.is_dir():
        raise OutputRefusedError(f"--output {output}: is a file; name a directory")
    present = sorted(path.name for path in output.iterdir()) if output.exists() else []
    if present and not force:
        raise OutputRefusedError(
            f"--output {output}: the directory is not empty (it holds {', '.join(present[:3])}"
            f"{', …' if len(present) > 3 else ''}); "
            "name another one, or pass --force to replace the sample in it"
        )
    earlier = earlier_files(output)
    foreign = [path for path in planned if path not in earlier and (output / path).exists()]
    if foreign:
        raise OutputRefusedError(
            f"--output {output}: {foreign[0]} was not written by the simulator ({MANIFEST} lacks it), "
            "so --force leaves it alone; move it away or name another directory"
        )
    for path in earlier - {MANIFEST}:
        (output / path).unlink(missing_ok=True)
    for folder in {(output / path).parent for path in earlier}:
        with contextlib.suppress(OSError):  # not empty: it holds something of others
            folder.rmdir()
    for folder in {(output / path).parent for path in planned}:
        folder.mkdir(parents=True, exist_ok=True)
    (output / MANIFEST).write_text("".join(f"{path}\n" for path in planned), encoding="utf-8")


def earlier_files(output: Path) -> set[str]:
    """Files of an earlier sample under `output`, by its manifest; paths that lead out of it are ignored."""
    manifest = output / MANIFEST
    if not manifest.is_file():
        return set()
    paths = manifest.read_text(encoding="utf-8").splitlines()
    return {path for path in paths if not PurePosixPath(path).is_absolute() and ".." not in path.split("/")}


def write_csv(path: Path, header: Sequence[str], columns: Sequence[Sequence[str]]) -> None:
    """Write equally long text columns as CSV: UTF-8, quoted as RFC 4180 asks, lines ended by LF."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(zip(*columns, strict=True))


def _pick(words: Sequence[str], indices: Ints) -> list[str]:
    return [words[index] for index in indices.tolist()]


def _or_empty(values: Floats, template: str) -> list[str]:
    return ["" if value != value else template % value for value in values.tolist()]  # NaN differs from itself


def impression_ids(impressions: Impressions) -> list[str]:
    """Unique ids in order of time: imp_202601_00000001."""
    prefix = f"imp_{month_start(impressions.month):%Y%m}_"
    return [f"{prefix}{number:08d}" for number in range(1, len(impressions.second) + 1)]


def impression_columns(population: Population, impressions: Impressions, clicks: Clicks) -> list[list[str]]:
    """A month's table as text, in the order of COLUMNS."""
    users, sites, creatives = population.users, population.sites, population.creatives
    creative = population.ads.creative[impressions.ad]
    start = np.datetime64(month_start(impressions.month).replace(tzinfo=None), "s")
    timestamp = np.datetime_as_string(start + impressions.second.astype("timedelta64[s]"), timezone="UTC")
    paths = _pick([image_path(name) for name in creatives.names], creative)
    table = {
        "impression_id": impression_ids(impressions),
        "timestamp": [str(moment) for moment in timestamp],
        "user_id": [f"u{user:07d}" for user in impressions.user.tolist()],
        "user_age": _or_empty(users.age[impressions.user], "%d"),
        "user_segment": _pick([*SEGMENTS, ""], users.segment[impressions.user]),  # -1, unknown: the last
        "user_ctr_30d": _or_empty(impressions.user_rate, "%.4f"),
        "country": _pick(COUNTRIES, users.country[impressions.user]),
        "device": _pick(DEVICES, impressions.device),
        "site_id": [f"s{site:04d}" for site in impressions.site.tolist()],
        "site_category": _pick(list(SITE_CATEGORIES), sites.category[impressions.site]),
        "site_ctr_30d": _or_empty(impressions.site_rate, "%.4f"),
        "position": _pick(POSITIONS, impressions.position),
        "ad_id": [f"ad{ad:06d}" for ad in impressions.ad.tolist()],
        "campaign_id": [f"c{campaign:04d}" for campaign in creatives.campaign[creative].tolist()],
        "advertiser_category": _pick(ADVERTISER_CATEGORIES, creatives.category[creative]),
        "bid_price": _or_empty(impressions.bid_usd, "%.4f"),
        "image_path": [
            path if shown else "" for path, shown in zip(paths, impressions.has_creative.tolist(), strict=True)
        ],
        "clicked": ["1" if clicked else "0" for clicked in clicks.clicked.tolist()],
    }
    return [table[column] for column in COLUMNS]


def write_month(output: Path, population: Population, impressions: Impressions, clicks: Clicks) -> None:
    """Write a month's impressions and, apart from them, their truth."""
    table = impression_columns(population, impressions, clicks)
    write_csv(output / impressions_path(impressions.month), COLUMNS, table)
    truth = [
        table[0],
        _or_empty(clicks.probability, "%.7f"),
        _or_empty(clicks.probability_columns_only, "%.7f"),
    ]
    write_csv(output / truth_path(impressions.month), TRUTH_COLUMNS, truth)


def write_creatives_truth(output: Path, creatives: Creatives) -> None:
    """Write the hidden attributes of every image."""
    columns = [
        [image_path(name) for name in creatives.names],
        [f"c{campaign:04d}" for campaign in creatives.campaign.tolist()],
        _pick(ADVERTISER_CATEGORIES, creatives.category),
        [str(month) for month in creatives.launch_month.tolist()],
        [str(day) for day in creatives.launch_day.tolist()],
        [str(width) for width in creatives.size_px[:, 0].tolist()],
        [str(height) for height in creatives.size_px[:, 1].tolist()],
        *(_or_empty(attribute, "%.4f") for attribute in creatives.attributes.T),
    ]
    write_csv(output / CREATIVES_TRUTH, CREATIVE_COLUMNS, columns)
