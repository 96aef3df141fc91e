"""Settings whose graphs are held golden, here and as compiled."""

from __future__ import annotations

# every way in which settings change the graph
VARIANTS = {
    "base": [],
    "inferred schema": ["schema.source=inferred"],
    "transform on Beam": ["transform.engine=beam"],
    "no canary": ["canary.enabled=false"],
    "a search": ["tuner.enabled=true"],
    "no images": [
        "features=[{name: who, kind: key}, {name: price, kind: numeric}, {name: clicked, kind: label}]",
        "data.split={by: hash, column: who}",
        "evaluation.slices=[]",
    ],
}
