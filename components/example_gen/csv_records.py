"""Finds the rows of CSV bytes: where each starts and ends, on which line, and whether its quotes can be read.

RFC 4180, read strictly: a quote opens a cell only as its first character, and the quote that closes it has a delimiter,
a line end or the file's end right behind it. Elsewhere in a cell that no quote opened, a quote is text. A row that
breaks this is given up as one line, and reading goes on with the next line, so that a stray quote costs few rows.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

LF, CR, QUOTE = 10, 13, 34
MAX_QUOTED_BYTES = 2 << 20
MAX_QUOTED_LINES = 1000
_ROWS_ONE_BY_ONE = 64  # after a stray quote; then the vectorised way is tried again
_LINE_END = re.compile(rb"\r\n|\n|\r")
_QUOTED_CELL = re.compile(rb'"[^"]*(?:""[^"]*)*"(?!")')


class Records(NamedTuple):
    """Rows in file order, blank lines left out."""

    start: Int64s
    """First byte of each row."""
    end: Int64s
    """Byte after each row's line end."""
    line: Int64s
    """Number of line ends before each row. A line ends with LF, CRLF or a lone CR, within quotes too."""
    bad_quotes: Bools
    """Rows given up for their quotes."""
    irregular: Bools
    """Rows in which the parity of quotes does not tell what is quoted."""
    consumed: int
    """Bytes up to the end of the last whole row."""
    consumed_lines: int


def find_records(data: bytes, delimiter: int, final: bool) -> Records:
    """Rows of `data`, which starts outside quotes; where more is to come (not `final`), only those that are whole."""
    content = np.frombuffer(data, np.uint8)
    breaks = _line_breaks(content, final)
    quotes = np.flatnonzero(content == QUOTE)
    suspects = _suspects(content, quotes, delimiter)
    ends: list[Int64s] = []
    bad: list[int] = []
    irregular: list[int] = []
    start, quote = 0, 0
    while start < len(data):
        stop = _first_suspect(suspects, content, quotes, breaks, quote, final)
        regular = _regular_ends(breaks, quotes, start, quote, stop)
        ends.append(regular)
        start = int(regular[-1]) if len(regular) else start
        if stop is None:
            if final and start < len(data):
                ends.append(np.array([len(data)]))
            break
        one_by_one: list[int] = []
        for _ in range(_ROWS_ONE_BY_ONE):
            end, readable = scan_record(data, start, delimiter, final)
            if end is None:
                break
            (irregular if readable else bad).append(start)
            one_by_one.append(end)
            start = end
            if start == len(data):
                break
        ends.append(np.array(one_by_one, np.int64))
        if end is None:
            break
        quote = int(np.searchsorted(quotes, start))
    return _records(content, breaks, np.concatenate([np.zeros(0, np.int64), *ends]), bad, irregular)


def scan_record(data: bytes, start: int, delimiter: int, final: bool) -> tuple[int | None, bool]:
    """End of the row that starts at `start`, and whether its quotes can be read; no end where more must come first."""
    position = start
    while True:
        position = _unquoted_cells(delimiter).match(data, position).end()  # type: ignore[union-attr]  # may be empty
        if position == len(data):
            return (len(data) if final else None), True
        if data[position] != QUOTE:
            return _after_line_end(data, position, final), True
        cell = _QUOTED_CELL.match(data, position, position + MAX_QUOTED_BYTES + 2)
        if cell is None and not final and not _too_long(data, position, len(data)):
            return None, True
        if cell is None or _too_long(data, position, cell.end()):
            return _end_of_line(data, start, final), False
        position = cell.end()
        if position == len(data):
            return (len(data) if final else None), True
        if data[position] in (LF, CR):
            return _after_line_end(data, position, final), True
        if data[position] != delimiter:
            return _end_of_line(data, start, final), False
        position += 1


def quoted_by_parity(quotes: npt.NDArray[np.intp], positions: Int64s) -> Bools:
    """Whether each position has an odd number of quotes before it."""
    return np.asarray(np.searchsorted(quotes, positions) % 2 == 1, np.bool_)


@functools.cache
def _unquoted_cells(delimiter: int) -> re.Pattern[bytes]:
    """As many cells as no quote opens."""
    mark = re.escape(bytes([delimiter]))
    cell = rb'(?:[^"%b\r\n][^%b\r\n]*)?' % (mark, mark)
    return re.compile(rb"%b(?:%b%b)*" % (cell, mark, cell))


def _after_line_end(data: bytes, position: int, final: bool) -> int | None:
    if data[position] == LF:
        return position + 1
    if position + 1 == len(data):
        return len(data) if final else None  # an LF may follow
    return position + (2 if data[position + 1] == LF else 1)


def _end_of_line(data: bytes, start: int, final: bool) -> int | None:
    end = _LINE_END.search(data, start)
    if end is None:
        return len(data) if final else None
    return _after_line_end(data, end.start(), final)


def _too_long(data: bytes, start: int, end: int) -> bool:
    if end - start > MAX_QUOTED_BYTES:
        return True
    if end - start <= MAX_QUOTED_LINES:
        return False
    line_ends = data.count(b"\n", start, end) + data.count(b"\r", start, end) - data.count(b"\r\n", start, end)
    return line_ends > MAX_QUOTED_LINES


def _line_breaks(content: Bytes, final: bool) -> Int64s:
    """Last byte of each line end."""
    breaks = np.flatnonzero(content == LF)
    returns = np.flatnonzero(content == CR)
    if not len(returns):
        return breaks
    last = len(content) - 1
    lone = (content[np.minimum(returns + 1, last)] != LF) & ((returns < last) | final)
    return np.sort(np.concatenate((breaks, returns[lone])))


class _Suspects(NamedTuple):
    """Indices of quotes that stand where none can, by the parity of the quotes that open."""

    by_parity: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
    before: Bytes
    after: Bytes


def _suspects(content: Bytes, quotes: npt.NDArray[np.intp], delimiter: int) -> _Suspects:
    if not len(quotes):
        return _Suspects((quotes, quotes), content[:0], content[:0])
    before = np.where(quotes == 0, LF, content[quotes - 1]).astype(np.uint8)
    last = len(content) - 1
    after = np.where(quotes == last, LF, content[np.minimum(quotes + 1, last)]).astype(np.uint8)
    boundary = np.zeros(256, np.bool_)
    boundary[[delimiter, LF, CR, QUOTE]] = True  # a quote beside a quote: one quote of text, doubled
    cannot_open, cannot_close = ~boundary[before], ~boundary[after]
    even = np.arange(len(quotes)) % 2 == 0
    return _Suspects(
        (
            np.flatnonzero(np.where(even, cannot_open, cannot_close)),
            np.flatnonzero(np.where(even, cannot_close, cannot_open)),
        ),
        before,
        after,
    )


def _first_suspect(
    suspects: _Suspects, content: Bytes, quotes: npt.NDArray[np.intp], breaks: Int64s, quote: int, final: bool
) -> int | None:
    """Index of the first quote, from `quote` on, whose row must be looked at by itself."""
    candidates = suspects.by_parity[quote % 2]
    found = int(np.searchsorted(candidates, quote))
    stop = int(candidates[found]) if found < len(candidates) else len(quotes)
    opening = np.arange(quote, stop, 2)
    closing = np.arange(quote + 1, stop, 2)
    opening = opening[suspects.before[opening] != QUOTE]
    closing = closing[suspects.after[closing] != QUOTE]
    if len(opening) > len(closing):  # the last one is open still
        begin = int(quotes[opening[-1]])
        lines = len(breaks) - int(np.searchsorted(breaks, begin))
        too_long = len(content) - begin > MAX_QUOTED_BYTES or lines > MAX_QUOTED_LINES
        if stop == len(quotes) and (final or too_long):
            stop = int(opening[-1])
        opening = opening[: len(closing)]
    size = quotes[closing] + 1 - quotes[opening]
    long = np.flatnonzero(size > MAX_QUOTED_LINES)
    if len(long):
        lines = np.searchsorted(breaks, quotes[closing[long]]) - np.searchsorted(breaks, quotes[opening[long]])
        over = long[(lines > MAX_QUOTED_LINES) | (size[long] > MAX_QUOTED_BYTES)]
        if len(over):
            stop = min(stop, int(opening[over[0]]))
    return None if stop == len(quotes) else stop


def _regular_ends(breaks: Int64s, quotes: npt.NDArray[np.intp], start: int, quote: int, stop: int | None) -> Int64s:
    """Ends of the rows before the row of the quote `stop`."""
    first = np.searchsorted(breaks, start)
    last = len(breaks) if stop is None else np.searchsorted(breaks, quotes[stop])
    near = breaks[first:last]
    return np.asarray(near[~quoted_by_parity(quotes[quote:stop], near)] + 1, np.int64)


def _records(content: Bytes, breaks: Int64s, ends: Int64s, bad: list[int], irregular: list[int]) -> Records:
    consumed = int(ends[-1]) if len(ends) else 0
    starts = np.concatenate((np.zeros(min(len(ends), 1), np.int64), ends[:-1]))
    filled = (content[starts] != LF) & (content[starts] != CR)
    starts, ends = starts[filled], ends[filled]
    return Records(
        starts,
        ends,
        np.searchsorted(breaks, starts),
        np.isin(starts, np.array(bad, np.int64)),
        np.isin(starts, np.array(irregular, np.int64)),
        consumed,
        int(np.searchsorted(breaks, consumed)),
    )
