from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from serving.clients.row_files import PlacedRow, RowFileError, read_rows


def written(folder: Path, name: str, text: str | bytes) -> str:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(file)


def test_each_format_keeps_the_place_of_its_rows(tmp_path: Path) -> None:
    assert read_rows(written(tmp_path, "a.csv", '\ufeffx,y\n1,"a\nb"\n\n2,c\n')) == [
        PlacedRow("line 3", {"x": "1", "y": "a\nb"}), PlacedRow("line 5", {"x": "2", "y": "c"}),
    ]  # fmt: skip
    assert read_rows(written(tmp_path, "a.jsonl", '{"x": 1}\n\n{"x": 2}\n')) == [
        PlacedRow("line 1", {"x": 1}), PlacedRow("line 3", {"x": 2}),
    ]  # fmt: skip
    for text in ('[{"x": 1}]', '{"instances": [{"x": 1}]}', '{"x": 1}'):
        assert read_rows(written(tmp_path, "a.json", text)) == [PlacedRow("row 1", {"x": 1})]


def test_standard_input_tells_its_format_by_its_first_character(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ('[{"x": "1"}]', '{"x": "1"}\n', "x\n1\n"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert [row.values for row in read_rows("-")] == [{"x": "1"}]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "x,y\n1\n", "line 2: 1 fields where the header has 2; quote fields that hold commas"),
        ("a.csv", "x,x\n1,2\n", "line 1: field 'x' is named twice; rename one of them"),
        ("a.csv", 'x\n"1\n', "line 2: unexpected end of data; quote the field as RFC 4180 says"),
        ("a.csv", "x\n", ": holds no rows; give at least one"),
        ("a.csv", b"x\n\xff\n", "line 2: not UTF-8 (invalid start byte); save the file as UTF-8"),
        ("a.json", "[\n1, x]", "line 2, column 4: not JSON: Expecting value"),
        ("a.json", "[1]", 'row 1: is a number; give an object such as {"feature": "value"}'),
        ("a.json", "3", 'is a number; give an array of objects, or {"instances": [...]}'),
        ("a.jsonl", '{"x": 1}\n{\n', "line 2, column 2: not JSON"),
        ("a.jsonl", '{"x": 1}\n[]\n', "line 2: is an array; give an object"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, name: str, text: str | bytes, message: str) -> None:
    file = written(tmp_path, name, text)
    with pytest.raises(RowFileError) as caught:
        read_rows(file)
    assert str(caught.value).startswith(file)
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RowFileError, match=r"absent\.csv: No such file or directory; give a CSV"):
        read_rows(str(tmp_path / "absent.csv"))
