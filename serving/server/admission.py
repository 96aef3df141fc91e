"""How many requests, and how many bytes of bodies, are under way at most; more are refused at once."""

from __future__ import annotations

from serving.request_error import Code, RequestError


class ByteBudget:
    """Bytes of request bodies in memory, over all protocols. Used on the loop's thread only."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.used_bytes = 0

    def take(self, size_bytes: int, refusal: Code) -> None:
        """Counts `size_bytes` in.

        Raises:
            RequestError: `refusal` where they would exceed the limit; nothing is counted then.
        """
        # One body is let in whatever its size: its own limit is another flag's.
        if self.used_bytes and self.used_bytes + size_bytes > self._max_bytes:
            raise RequestError(
                refusal,
                f"Request bodies under way hold {self.used_bytes} of at most {self._max_bytes} bytes "
                "(--max_inflight_bytes); try again later",
            )
        self.used_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Counts `size_bytes` out."""
        self.used_bytes -= size_bytes


class Admission:
    """The requests under way of one protocol."""

    def __init__(self, max_requests: int, budget: ByteBudget, refusal: Code) -> None:
        """`refusal`: UNAVAILABLE for REST, whose clients take 503 for overload; RESOURCE_EXHAUSTED for gRPC."""
        self._max_requests = max_requests
        self._refusal = refusal
        self._budget = budget
        self.requests = 0

    def enter(self) -> Admitted:
        """A place for one request; to be left with `Admitted.leave`.

        Raises:
            RequestError: where as many requests as allowed are under way.
        """
        if self.requests >= self._max_requests:
            raise RequestError(
                self._refusal,
                f"{self._max_requests} requests are under way, the most allowed (--max_inflight_requests); "
                "try again later",
            )
        self.requests += 1
        return Admitted(self, self._budget, self._refusal)


class Admitted:
    """The place of one request, and the bytes counted for it."""

    __slots__ = ("_admission", "_budget", "_bytes", "_refusal")

    def __init__(self, admission: Admission, budget: ByteBudget, refusal: Code) -> None:
        self._admission = admission
        self._budget = budget
        self._refusal = refusal
        self._bytes = 0

    def grow(self, size_bytes: int) -> None:
        """Counts `size_bytes` more for this request.

        Raises:
            RequestError: where memory for bodies is used up.
        """
        self._budget.take(size_bytes, self._refusal)
        self._bytes += size_bytes

    def leave(self) -> None:
        """Gives place and bytes back."""
        self._budget.give_back(self._bytes)
        self._bytes = 0
        self._admission.requests -= 1
