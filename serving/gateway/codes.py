"""Every code that the gateway answers with: what callers may rely on, unlike the words beside it."""

from __future__ import annotations

from typing import NamedTuple


class Meaning(NamedTuple):
    """HTTP status of an answer, and what the code says."""

    status: int
    meaning: str


OK = "ok"
ROWS_FAILED = "rows_failed"

CODES: dict[str, Meaning] = {
    OK: Meaning(200, "Answered."),
    ROWS_FAILED: Meaning(200, "A list, some of whose rows were not answered; each row has its own code."),
    "malformed_json": Meaning(400, "The body is no JSON (RFC 8259), or nested deeper than a row can be."),
    "malformed_request": Meaning(400, "The body is neither an object nor a list of objects, or the list is empty."),
    "token_missing": Meaning(401, "No `Authorization: Bearer` header."),
    "token_malformed": Meaning(401, "The token is no JWT, a claim is not of its type, or there are two tokens."),
    "token_too_large": Meaning(401, "The token is longer than `jwt.max_token_bytes`."),
    "token_algorithm_refused": Meaning(401, "The token's algorithm has no key here; `none` never has."),
    "token_unknown_key": Meaning(401, "The token's `kid` is not in the key set."),
    "token_bad_signature": Meaning(401, "The signature is not that of the key."),
    "token_claim_missing": Meaning(401, "`exp`, `aud`, `sub` or a configured `iss` is missing."),
    "token_expired": Meaning(401, "`exp` has passed."),
    "token_not_yet_valid": Meaning(401, "`nbf` or `iat` is in the future."),
    "token_wrong_audience": Meaning(401, "`aud` does not name this gateway."),
    "token_wrong_issuer": Meaning(401, "`iss` is not the configured one."),
    "scope_missing": Meaning(403, "The token lacks the scope that this call needs."),
    "not_found": Meaning(404, "No such path, or no such kind of enrichment."),
    "method_not_allowed": Meaning(405, "The path takes another method."),
    "body_timeout": Meaning(408, "The body took longer than `limits.body_timeout_s` to arrive."),
    "body_too_large": Meaning(413, "The body is larger than `limits.max_body_bytes`."),
    "too_many_rows": Meaning(413, "More rows than `limits.max_rows`."),
    "encoding_unsupported": Meaning(415, "The body has a Content-Encoding; send it as it is."),
    "row_not_object": Meaning(422, "A row is no JSON object."),
    "field_unknown": Meaning(422, "No field of that name; the message names the nearest."),
    "field_missing": Meaning(422, "A required field is absent, null or empty."),
    "field_wrong_type": Meaning(422, "The value is not of the field's type."),
    "field_out_of_range": Meaning(422, "The number is outside of the field's bounds, or beyond float32."),
    "field_too_long": Meaning(422, "The text is longer than `limits.max_text_bytes`."),
    "creative_key_refused": Meaning(422, "The creative's key is no plain relative path."),
    "image_ambiguous": Meaning(422, "Both the bytes and a URL of the image."),
    "image_not_base64": Meaning(422, "The image's bytes are no base64 (RFC 4648, section 4)."),
    "image_too_large": Meaning(422, "The image has more bytes than `images.max_bytes`."),
    "image_too_many_pixels": Meaning(422, "The image's header announces more than `images.max_pixels`."),
    "image_unreadable": Meaning(422, "No image of a known format, or the model could not decode it."),
    "image_url_refused": Meaning(422, "The URL, or one it redirects to, is not on the allow-list."),
    "image_address_refused": Meaning(422, "The URL's host has an address that is not public."),
    "image_fetch_failed": Meaning(422, "The image could not be fetched, or not in time."),
    "rate_limited": Meaning(429, "More rows than the client's rate; `Retry-After` says when to try again."),
    "internal": Meaning(500, "A fault of the gateway; its log has the request id."),
    "model_incompatible": Meaning(502, "The model server refused what the feature table says, or answered otherwise."),
    "overloaded": Meaning(503, "Too many rows wait for the model already."),
    "model_unavailable": Meaning(503, "The model server cannot be reached, or has no version in service."),
    "enrichment_unavailable": Meaning(503, "The store of enrichment gives no answer to a PUT."),
    "shutting_down": Meaning(503, "The gateway is ending; ask another one."),
    "deadline_exceeded": Meaning(504, "No answer from the model within `upstream.timeout_s`."),
}


class Refusal(Exception):  # noqa: N818 (an answer to the caller, not a fault of the program)
    """A request, or one row of it, that is not answered with a prediction."""

    def __init__(self, code: str, message: str, retry_after_s: float | None = None) -> None:
        """`code`: one of CODES; `message`: field, fault and fix, without anything secret."""
        super().__init__(message)
        self.code, self.message, self.retry_after_s = code, message, retry_after_s

    @property
    def status(self) -> int:
        """HTTP status of the answer."""
        return CODES[self.code].status
