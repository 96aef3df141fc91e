"""Kinds of damage that CSV deliveries arrive with: each changes the lines of a sound file at a random place."""

from __future__ import annotations

import random
from collections.abc import Callable

COLUMNS = ("id", "time", "age", "bid", "note", "image", "weight", "extra", "clicked")
HEADER = ",".join(COLUMNS).encode()
Damage = Callable[[list[bytes], random.Random], list[bytes]]
MANGLE: dict[str, Damage] = {}


def sound_rows(count: int, rng: random.Random) -> list[bytes]:
    """Lines as a careful exporter writes them, some with quoted newlines, delimiters and quotes."""
    lines = []
    for number in range(count):
        note = rng.choice(["", "big sale", '"a, b"', '"say ""hi"""', '"two\nlines"', "größer", '"x\r\ny\n\nz"'])
        time = f"2026-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}T0{rng.randint(0, 9)}:00:0{rng.randint(0, 9)}Z"
        image = rng.choice(["", "images/a.png", "images/b.png"])
        cells = [f"r{number}", time, str(rng.randint(18, 90)), f"{rng.random():.4f}", note, image, "1.5", "", "0"]
        cells[-1] = rng.choice("01")
        lines.append(",".join(cells).encode() + b"\n")
    return lines


def cell(name: str, column: str, *texts: str | bytes) -> None:
    """A kind of damage that puts one of `texts` into one cell of one row."""

    def change(lines: list[bytes], rng: random.Random) -> list[bytes]:
        row = dict(zip(COLUMNS, (b"r", b"2026-01-01", b"30", b"1", b"", b"", b"", b"", b"1"), strict=True))
        text = rng.choice(texts)
        row[column] = text if isinstance(text, bytes) else text.encode()
        return put(lines, rng, b",".join(row.values()) + b"\n")

    assert name not in MANGLE
    MANGLE[name] = change


def whole(name: str, *texts: bytes) -> None:
    """A kind of damage that puts one of `texts` between two rows."""
    assert name not in MANGLE
    MANGLE[name] = lambda lines, rng: put(lines, rng, rng.choice(texts))


def damage(function: Damage) -> Damage:
    """A kind of damage of its own."""
    MANGLE[function.__name__] = function
    return function


def put(lines: list[bytes], rng: random.Random, line: bytes) -> list[bytes]:
    at = rng.randint(0, len(lines))
    return [*lines[:at], line, *lines[at:]]


cell("quotes within quotes", "note", '"a ""b"" c"', '""""', '""""""', '"""a"')
cell("newline in quotes", "note", '"a\nb"', '"\n"', '"a\n\n\nb"')
cell("carriage return in quotes", "note", '"a\rb"', '"\r\n\r"')
cell("delimiter inside quotes", "note", '"a,b,c"', '","')
cell("newline in quotes of a left-out column", "extra", '"a\nb"', '"a,b\r\n"')
cell("stray quote inside an unquoted cell", "note", '5" tv', 'a"b"c', '5""', 'x"')
cell("space before a quoted cell", "note", ' "a"', ' "a')
cell("text after a closing quote", "note", '"a"b', '"a" ', '"a""b"c', '""a')
cell("unclosed quote in the middle", "note", '"a', '"', '"a""')
cell("unclosed quote in the last cell", "clicked", '"1', '"')
cell("unclosed quote in a left-out column", "extra", '"a')
cell("bad quotes behind a quoted newline", "extra", '"a\nb"c', '"a\n"b"')
cell("excel's formula", "id", '="123"', '"=""123"""')
cell("NUL bytes", "note", b"a\0b", b"\0", b'"\0\n"')
cell("NUL byte in a number", "age", b"3\0")
cell("NUL byte in a left-out column", "extra", b"\0\0")
cell("bad UTF-8 in a cell", "note", b"caf\xe9", b"\xff", b'"\xc3"', b"\xed\xa0\x80")
cell("bad UTF-8 in a number", "bid", b"\xa01")
cell("bad UTF-8 in a left-out column", "extra", b"caf\xe9")
cell("too large a number", "bid", "1e999", "-1e999", "1e39", "9" * 400)
cell("nearly too large a number", "bid", "3.4028235e38", "-3.4028235e38", "1e-60", "1e-999")
cell("not a number", "bid", "NaN", "nan", "inf", "-inf", "Infinity", "nan(1)", "NULL", "N/A", "-")
cell("thousands separator", "bid", '"1,234"', "1_000", "1'000", "1 000")
cell("hexadecimal number", "bid", "0x10", "0b1", "1f")
cell("full-width digits", "bid", "１２", "٣")
cell("spaces around a number", "age", " 30", "30 ", "\t30\t", " 30 ")
cell("non-breaking space", "age", "\u00a030", "30\u00a0", "\u202f", "\u00a0")
cell("vertical tab and form feed", "age", "30\v", "\f30")
cell("plus sign", "age", "+30", "++30", "+-30", "+ 30", "+")
cell("odd spellings of a number", "age", "30.", ".5", ".", "1e1", "1e", "1E+1", "--3", "007", "3..0")
cell("20-digit integers", "bid", "12345678901234567890", "-12345678901234567890")
cell("many digits", "bid", "0.1234567890123456789012345", "16777217", "1." + "0" * 60 + "1")
cell("negative zero", "weight", "-0", "-0.0")
cell("negative weight", "weight", "-1", "-1e-30")
cell("out of range", "age", "-1", "130.0001", "130", "0", "1000")
cell("empty quoted cell", "bid", '""')
cell("whitespace-only cell", "bid", " ", "\t")
cell("whitespace-only text", "note", " ", '" "')
cell("tabs in a text", "note", "a\tb", "\t")
cell("emoji", "note", "🎯", "👩‍👩‍👧", "\U0010ffff")
cell("byte order mark in a text", "id", "\ufeffr1", '\ufeff"r1"')
cell("very long cell", "note", "x" * 1_000_000, '"' + "y\n" * 900 + '"')
cell("quoted cell of too many lines", "note", '"' + "y\n" * 1_001 + '"')
cell("missing label", "clicked", "", '""')
cell("label 2", "clicked", "2", "-1", "0.5", "1e-400")
cell("label in words", "clicked", "true", "yes", "click", "t")
cell("label as a decimal", "clicked", "1.0", "0.0", "01", "1e0", " 1", "+1", "-0")
cell("missing required cell", "id", "", '""')
cell("unix time in an ISO column", "time", "1767323045", "1767323045.5")
cell(
    "30 February",
    "time",
    "2026-02-30T00:00:00Z",
    "2026-02-29T00:00:00Z",
    "2000-02-29T00:00:00Z",
    "2100-02-29T00:00:00Z",
    "2028-02-29",
)
cell("impossible dates", "time", "2026-13-01T00:00:00Z", "2026-00-10T00:00:00Z", "2026-01-00T00:00:00Z")
cell("impossible times", "time", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z")
cell("year 10000", "time", "10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z")
cell("before 1970", "time", "1969-12-31T23:59:59Z", "1900-03-01 00:00:00", "1969-12-31T23:59:59.5Z")
cell("time zone offsets", "time", "2026-01-01T00:00:00+05:30", "2026-01-01 00:00:00-0800", "2026-01-01T00:00:00+24:00")
cell("other times", "time", "2026-01-01", "2026-01-01 10:00", "2026-01-01T10:00:00.123456Z", "2026-01-01T10:00:00 UTC")
cell(
    "no times",
    "time",
    "yesterday",
    "01/02/2026",
    "2026-1-1",
    "2026-01-01X10:00:00",
    "2026-01-01T10:00:0٣",
    "２０２６-01-01",
)
cell("unsafe image path", "image", "/etc/passwd", "../a.png", "http://x/a.png", "C:\\a.png", "a/../b.png", "..")
whole("ragged short", b"a\n", b"a,b\n", b"r,2026-01-01,30,1,,,,\n")
whole("ragged long", b"r,2026-01-01,30,1,,,,,1,extra\n", b",".join([b"1"] * 40) + b"\n")
whole("bad UTF-8 in a ragged row", b"caf\xe9\n", b'r,"\xff,\n",1\n')
whole("quoted ragged row", b'r,"a,b",1\n', b'"r","a\nb","c,d"\n')
whole("trailing delimiter", b"r,2026-01-01,30,1,,,,,1,\n")
whole("repeated header", HEADER + b"\n", HEADER + b"\r\n", HEADER.replace(b",", b", ") + b"\n")
whole("second file with its byte order mark", b"\xef\xbb\xbf" + HEADER + b"\n")
whole("byte order mark alone", b"\xef\xbb\xbf\n")
whole("blank lines", b"\n", b"\n\n\n", b"\r\n", b"\r\n\n\r\n")
whole("lines of only delimiters", b",,,,,,,,\n", b",,,\n", b",,,,,,,,,\n")
whole("lines of only spaces", b" \n", b"   \t \n")
whole("semicolons in a row", b"r;2026-01-01;30;1;;;;;1\n")
whole("control Z", b"\x1a\n", b"r\x1a,2026-01-01,30,1,,,,,1\n")
whole("CRLF", b"r,2026-01-01,30,1,,,,,1\r\n", b'r,2026-01-01,30,1,"a\r\nb",,,,1\r\n')
whole("lone carriage return", b"r,2026-01-01,30,1,,,,,1\r", b"\r", b"r,2026-01-01,30\r1,,,,,1\n", b"r\r\r\n")
whole("quotes alone", b'"\n', b'""\n', b'"""\n', b'""""\n', b'"","","","","","","","",""\n')


@damage
def crlf_throughout(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return [line.replace(b"\n", b"\r\n") for line in lines]


@damage
def cr_throughout(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return [line.replace(b"\n", b"\r") for line in lines]


@damage
def missing_last_newline(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return [*lines[:-1], lines[-1].rstrip(b"\r\n") or b"x"]


@damage
def truncated_file(lines: list[bytes], rng: random.Random) -> list[bytes]:
    data = b"".join(lines)
    return [data[: rng.randint(1, len(data))]]


@damage
def unclosed_quote_at_the_end(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return [*lines, b'r,2026-01-01,30,1,"never']


@damage
def a_line_twice(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return put(lines, rng, rng.choice(lines))


@damage
def lines_shuffled(lines: list[bytes], rng: random.Random) -> list[bytes]:
    parts = b"".join(lines).splitlines(keepends=True)
    return rng.sample(parts, len(parts))


@damage
def every_cell_quoted(lines: list[bytes], rng: random.Random) -> list[bytes]:
    return [b",".join(b'"%b"' % one for one in b"".join(lines[:1]).rstrip(b"\n").split(b",")) + b"\n", *lines[1:]]


@damage
def random_marks(lines: list[bytes], rng: random.Random) -> list[bytes]:
    data = bytearray(b"".join(lines))
    for _ in range(rng.randint(1, 6)):
        data[rng.randrange(len(data))] = rng.choice(b'",\n\r\0 \xff1')
    return [bytes(data)]
