"""Looks at an image's size and header, with the checks that training's images pass, before it goes to the model."""

from __future__ import annotations

from components.creative_gen.image_checks import UnusableCode, check_header
from configs.gateway import Images
from configs.settings import Creatives
from serving.gateway.codes import Refusal

_CODES = {
    UnusableCode.TOO_MANY_BYTES: "image_too_large",
    UnusableCode.TOO_MANY_PIXELS: "image_too_many_pixels",
}


def image_limits(creatives: Creatives, images: Images) -> Creatives:
    """The formats of the pipeline's settings, and the smaller of both limits."""
    return creatives.model_copy(
        update={
            "max_file_bytes": min(creatives.max_file_bytes, images.max_bytes),
            "max_image_pixels": min(creatives.max_image_pixels, images.max_pixels),
        }
    )


def check_image(place: str, encoded: bytes, limits: Creatives) -> None:
    """Raises Refusal `image_too_large`, `image_too_many_pixels` or `image_unreadable`; `place` names the field."""
    fault = check_header(encoded, limits)
    if fault is not None:
        raise Refusal(
            _CODES.get(fault.code, "image_unreadable"), f"field {place!r}: {fault.code.value}: {fault.detail}"
        )
