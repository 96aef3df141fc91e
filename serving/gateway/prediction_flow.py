"""From rows to answers: check, enrich, fetch images, ask the model, look up the confidence. A row fails alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from configs.gateway import Gateway
from serving.gateway.calibration import Calibrations
from serving.gateway.coalescing import Coalescer
from serving.gateway.codes import OK, Refusal
from serving.gateway.enrichment import Enricher
from serving.gateway.field_checks import Value
from serving.gateway.image_fetch import ImageFetcher
from serving.gateway.model_calls import Answer, ModelCalls, RowsRefusedError
from serving.gateway.request_log import RequestLogger
from serving.gateway.row_checks import CheckedRow, RowChecks


class RowResult(NamedTuple):
    """The answer to one row, as JSON has it but for the request id."""

    success: bool
    code: str
    message: str
    prediction: dict[str, Any] | None
    model_version: int | None


class PredictionFlow:
    """Answers rows. To be used on one event loop."""

    def __init__(
        self,
        settings: Gateway,
        checks: RowChecks,
        calls: ModelCalls,
        calibrations: Calibrations,
        enricher: Enricher | None = None,
        fetcher: ImageFetcher | None = None,
        logger: RequestLogger | None = None,
    ) -> None:
        self._settings, self._checks, self._calibrations = settings, checks, calibrations
        self._enricher, self._fetcher, self._logger = enricher, fetcher, logger
        upstream = settings.upstream
        # Rows with images run the image tower; in a lane of their own they hold nobody else up.
        self.plain_lane = Coalescer(calls, upstream, upstream.max_rows_per_call)
        self.image_lane = Coalescer(calls, upstream, settings.images.max_concurrent_rows)

    async def answer(self, rows: Sequence[object], deadline_s: float) -> list[RowResult]:
        """A result for each row, in order; `deadline_s` by the loop's clock.

        Raises:
            Refusal: `overloaded`, where no row was taken.
        """
        results: list[RowResult | None] = [None] * len(rows)
        checked: dict[int, CheckedRow] = {}
        for index, row in enumerate(rows):
            try:
                checked[index] = self._checks.check(row)
            except Refusal as refusal:
                results[index] = _refused(refusal)
        if self._enricher is not None and checked:
            await self._enricher.enrich(list(checked.values()))
        if self._checks.url_field:
            await self._fetch_images(checked, results, deadline_s)
        completed: dict[int, list[Value]] = {}
        for index, row in checked.items():
            try:
                completed[index] = self._checks.complete(row)
            except Refusal as refusal:
                results[index] = _refused(refusal)
        if completed:
            await self._ask(completed, checked, results, deadline_s)
        return [result for result in results if result is not None]

    async def _fetch_images(
        self, checked: dict[int, CheckedRow], results: list[RowResult | None], deadline_s: float
    ) -> None:
        """Puts the images of URLs into their rows; rows whose image cannot be had leave `checked`."""
        wanted = [(index, row) for index, row in checked.items() if row.image_url is not None]
        if not wanted:
            return
        uses = Counter(row.image_url for _, row in wanted if row.image_url)
        left_bytes = [self._settings.limits.max_body_bytes]  # as if the images had been sent
        fetches = (self._fetch_within(url, count, left_bytes, deadline_s) for url, count in uses.items())
        by_url = dict(zip(uses, await asyncio.gather(*fetches, return_exceptions=True), strict=True))
        for index, row in wanted:
            found: bytes | BaseException = by_url[row.image_url or ""]
            if isinstance(found, bytes):
                row.values[self._checks.image_place] = found
            else:
                if not isinstance(found, Refusal):
                    raise found
                results[index] = _refused(found)
                del checked[index]

    async def _fetch_within(self, url: str, uses: int, left_bytes: list[int], deadline_s: float) -> bytes:
        """An image for so many rows; what the request has no room for is let go of at once, not when all have come."""
        image = await self._fetch(url, deadline_s)
        if uses * len(image) > left_bytes[0]:
            del image  # which the refusal's traceback would keep
            raise Refusal("image_too_large", "the images of a request exceed limits.max_body_bytes together")
        left_bytes[0] -= uses * len(image)
        return image

    async def _fetch(self, url: str, deadline_s: float) -> bytes:
        if self._fetcher is None:
            raise Refusal("image_url_refused", "no URLs are fetched here; send the image's bytes")
        left_s = deadline_s - asyncio.get_running_loop().time()
        return await self._fetcher.fetch(self._checks.url_field, url, left_s)

    async def _ask(
        self,
        completed: dict[int, list[Value]],
        checked: dict[int, CheckedRow],
        results: list[RowResult | None],
        deadline_s: float,
    ) -> None:
        image_place = self._checks.image_place
        with_image = [i for i, values in completed.items() if image_place >= 0 and values[image_place]]
        without = [i for i in completed if i not in with_image] if with_image else list(completed)
        futures: dict[int, asyncio.Future[Answer]] = {}
        for lane, indices in ((self.plain_lane, without), (self.image_lane, with_image)):
            if not indices:
                continue
            try:
                submitted = lane.submit([completed[i] for i in indices], deadline_s)
            except Refusal as refusal:
                results_of_lane = _refused(refusal)
                for i in indices:
                    results[i] = results_of_lane
            else:
                futures.update(zip(indices, submitted, strict=True))
        await _settled(list(futures.values()), deadline_s)
        answers: dict[int, Answer] = {}
        for i, future in futures.items():
            error = future.exception() if future.done() else None
            if not future.done():
                future.cancel()
                error = Refusal("deadline_exceeded", "the model did not answer in time; try again later")
            if isinstance(error, RowsRefusedError):
                error = _blame(i in with_image)
            if isinstance(error, Refusal):
                results[i] = _refused(error)
            elif error is not None:
                raise error
            else:
                answers[i] = future.result()
        for version in {answer.version for answer in answers.values()}:
            if self._calibrations.unheard_of(version):
                await self._calibrations.fetch(version, deadline_s - asyncio.get_running_loop().time())
        for i, answer in answers.items():
            results[i] = self._answered(answer, checked[i].warnings)
            if self._logger is not None:  # a record for each version: a swap may come between two calls
                of_version = [i for i, answer in answers.items() if answer.version == version]
                self._logger.offer([completed[i] for i in of_version], [answers[i] for i in of_version])

    def _answered(self, answer: Answer, warnings: list[str]) -> RowResult:
        confidence, reason = self._calibrations.look_up(answer.version, answer.click_probability)
        prediction: dict[str, Any] = {"click_probability": answer.click_probability, "confidence": confidence}
        if reason is not None:
            prediction["confidence_reason"] = reason
        if answer.creative is not None:
            prediction["creative"] = answer.creative
        if warnings:
            prediction["warnings"] = warnings
        return RowResult(True, OK, "", prediction, answer.version)


async def _settled(futures: Sequence[asyncio.Future[Answer]], deadline_s: float) -> None:
    """Waits until all futures are done, or to the deadline."""
    loop = asyncio.get_running_loop()
    if len(futures) == 1:  # most requests; asyncio.wait costs several times as much
        waiter = loop.call_at(deadline_s, _expire, futures[0])
        try:
            await futures[0]
        except (Refusal, RowsRefusedError):
            pass  # read from the future by the caller
        finally:
            waiter.cancel()
    elif futures:
        await asyncio.wait(futures, timeout=max(0.0, deadline_s - loop.time()))


def _expire(future: asyncio.Future[Answer]) -> None:
    if not future.done():
        future.set_exception(Refusal("deadline_exceeded", "the model did not answer in time; try again later"))


def _blame(with_image: bool) -> Refusal:
    """What a row that the server takes for invalid is told: all but the image's pixels has been checked here."""
    if with_image:
        return Refusal("image_unreadable", "the model could not decode the image")
    return Refusal("model_incompatible", "the model does not fit this gateway's feature table")


def _refused(refusal: Refusal) -> RowResult:
    return RowResult(False, refusal.code, refusal.message, None, None)
