"""A fingerprint of the images' contents, for which few of them are read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from components.creative_gen.image_checks import check_size
from components.creative_gen.image_folder import ImageFolder
from components.creative_gen.side_by_side import in_order
from components.creative_gen.store import Source
from configs.settings import Creatives


def image_fingerprint(paths: Sequence[str], image_root: str, limits: Creatives, known: Mapping[str, Source]) -> str:
    """SHA-256 over paths and contents, so that one changed byte anywhere changes it, and a copy elsewhere does not.

    An object store's own tag stands for the content. Other files are read and hashed, unless `known` has the digest of
    the file as it is. A missing image counts as missing, so that its arrival is noticed; one that is too large counts
    by its size, which is all that is told of it.
    """
    folder = ImageFolder(image_root, paths)

    def content(path: str) -> str:
        look = folder.look(path)
        if look is None:
            return "missing"
        if check_size(look.size_bytes, limits) is not None:
            return f"{look.size_bytes} bytes"
        if look.content_tag is not None:
            return look.content_tag
        source = known.get(path)
        if source is not None and source.sha256 and look.token is not None and source.token == look.token:
            return source.sha256
        encoded = folder.read(path)
        return "missing" if encoded is None else hashlib.sha256(encoded).hexdigest()

    digest = hashlib.sha256()
    for path, one in zip(paths, in_order(content, paths), strict=True):
        digest.update(f"{path}\0{one}\0".encode())
    return digest.hexdigest()
