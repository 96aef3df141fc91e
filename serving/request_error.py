"""Errors a request can end in, with the canonical codes that gRPC and REST both speak.

RequestError                 any answer other than a prediction: code + message
└── BodyTooLargeError        RESOURCE_EXHAUSTED, HTTP 413 instead of 429
"""

from __future__ import annotations

from enum import Enum


class Code(Enum):
    """Canonical status code: its number on the wire and the HTTP status TF Serving maps it to.

    Source: google/rpc/code.proto; tensorflow_serving/model_servers/http_server.cc, ToHTTPStatusCode.
    """

    OK = (0, 200)
    CANCELLED = (1, 499)
    UNKNOWN = (2, 500)
    INVALID_ARGUMENT = (3, 400)
    DEADLINE_EXCEEDED = (4, 504)
    NOT_FOUND = (5, 404)
    ALREADY_EXISTS = (6, 409)
    PERMISSION_DENIED = (7, 403)
    RESOURCE_EXHAUSTED = (8, 429)
    FAILED_PRECONDITION = (9, 400)
    ABORTED = (10, 409)
    OUT_OF_RANGE = (11, 400)
    UNIMPLEMENTED = (12, 501)
    INTERNAL = (13, 500)
    UNAVAILABLE = (14, 503)
    DATA_LOSS = (15, 500)
    UNAUTHENTICATED = (16, 401)

    @property
    def number(self) -> int:
        """Number in google.rpc.Code, grpc.StatusCode and tensorflow.error.Code alike."""
        return self.value[0]

    @property
    def http_status(self) -> int:
        """HTTP status of a REST reply that carries this code."""
        return self.value[1]

    @classmethod
    def from_number(cls, number: int) -> Code:
        """The code with this number; UNKNOWN for one that does not exist."""
        return next((code for code in cls if code.number == number), cls.UNKNOWN)


class RequestError(Exception):
    """A request that is answered with an error; try again only UNAVAILABLE and RESOURCE_EXHAUSTED."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def http_status(self) -> int:
        """HTTP status of the REST reply."""
        return self.code.http_status

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}"  # the form absl::Status::ToString gives


class BodyTooLargeError(RequestError):
    """A request body beyond the limit; TF Serving has no limit, so RFC 9110 §15.5.14 gives the status."""

    def __init__(self, max_body_bytes: int, what: str = "Request body") -> None:
        super().__init__(
            Code.RESOURCE_EXHAUSTED,
            f"{what} is larger than {max_body_bytes} bytes; send fewer rows per request, "
            "or start the server with a larger --max_body_bytes",
        )

    @property
    def http_status(self) -> int:
        """413 Content Too Large."""
        return 413


def invalid_argument(message: str) -> RequestError:
    """An INVALID_ARGUMENT error: the request itself has to change."""
    return RequestError(Code.INVALID_ARGUMENT, message)
