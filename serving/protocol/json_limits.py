"""What a JSON body may ask of the server, checked on its bytes before anything is built from them.

TF Serving has no such limits: nesting overflowed its stack (CVE-2025-0649). Here each JSON value becomes a Python
object of 30 to 240 bytes, so that a body of 64 MB could take gigabytes.
"""

from __future__ import annotations

from serving.protocol.json_structure import is_deeper_than
from serving.request_error import Code, RequestError, invalid_argument

MAX_JSON_DEPTH = 100
MAX_JSON_VALUES = 4_000_000
MAX_JSON_CONTAINERS = 1_000_000


def check_limits(body: bytes) -> None:
    """Refuses JSON that nests too deep or holds too many values. Linear in time; commas within strings count too.

    Raises:
        RequestError: INVALID_ARGUMENT for the depth, RESOURCE_EXHAUSTED for the number of values.
    """
    if len(body) > MAX_JSON_CONTAINERS:
        containers = body.count(b"[") + body.count(b"{")
        if containers > MAX_JSON_CONTAINERS:
            raise _too_many("lists and objects", containers, MAX_JSON_CONTAINERS)
        values = containers + body.count(b",") + 1
        if values > MAX_JSON_VALUES:
            raise _too_many("values", values, MAX_JSON_VALUES)
    if body.count(b"[") + body.count(b"{") > MAX_JSON_DEPTH and is_deeper_than(body, MAX_JSON_DEPTH):
        raise too_deep()


def too_deep() -> RequestError:
    """The refusal of a document that nests too deep."""
    return invalid_argument(f"JSON Parse error: Nested deeper than {MAX_JSON_DEPTH} levels")


def _too_many(what: str, count: int, limit: int) -> RequestError:
    return RequestError(
        Code.RESOURCE_EXHAUSTED,
        f"The JSON body holds {count} {what}, more than the {limit} allowed; send fewer rows per request, "
        'or bytes as {"b64": …} in place of lists of numbers',
    )
