"""The gateway's file: misspelt keys, names that the table does not have, entries to start with."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from gateway_model import SETTINGS
from gateway_process import REPOSITORY

from adclick.errors import SettingsError
from configs.gateway import Enrichment, EnrichmentKind, Limits
from configs.gateway_loading import load_gateway
from configs.loading import load_settings
from configs.settings import Creatives
from serving.gateway.docs_page import docs_page
from serving.gateway.memory_store import MemoryStore, filled_store
from serving.gateway.openapi import example_row
from serving.gateway.row_checks import RowChecks

JWT = {"audience": "a", "hs256_secret_variable": "S"}


def test_the_example_loads_and_names_every_input_of_the_sample() -> None:
    loaded = load_gateway(REPOSITORY / "configs" / "gateway.yaml")
    checks = RowChecks(loaded.settings.features, loaded.gateway.limits, loaded.settings.creatives)
    inputs = {each.name: each.dtype for each in checks.inputs}
    assert len(inputs) == 15
    assert (inputs["timestamp"], inputs["bid_price"], inputs["image_path_bytes"]) == (
        "DT_INT64", "DT_FLOAT", "DT_STRING",
    )  # fmt: skip
    checks.complete(checks.check(example_row(loaded.settings.features)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"upsteam": {}}, "upsteam: unknown key; did you mean 'upstream'?"),
        ({"jwt": {**JWT, "audiense": "a"}}, "jwt.audiense: unknown key; did you mean 'audience'?"),
        ({"jwt": {"audience": "a"}}, "jwt has no key: set hs256_secret_variable, rs256_public_key_file or"),
        ({"images": {"urls": {"hots": []}}}, "images.urls.hots: unknown key; did you mean 'hosts'?"),
        ({"images": {"urls": {"hosts": ["https://x"]}}}, "'https://x' is no host; write it as cdn.example.com"),
        ({"rate_limit": {"burst_rows": 5}}, "rate_limit.burst_rows is 5, fewer than the 256 rows of limits.max_rows"),
        ({"optional_fields": ["impresion_id"]}, "no feature 'impresion_id' to use here; did you mean 'impression_id'?"),
        (
            {"enrichment": {"kinds": {"user": {"key": "user_id", "fields": ["user_agee"]}}}},
            "enrichment.kinds.user.fields: no feature 'user_agee' to use here; did you mean 'user_age'?",
        ),
        ({"upstream": {"timeout_s": 0}}, "upstream.timeout_s: got 0:"),
    ],
)
def test_a_fault_is_told_with_file_key_and_fix(tmp_path: Path, change: dict[str, object], said: str) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(yaml.safe_dump({"jwt": JWT, **change}))
    with pytest.raises(SettingsError) as raised:
        load_gateway(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert said in str(raised.value)


def test_a_personal_field_needs_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(SETTINGS)
    table = load_settings(tmp_path / "settings.yaml").features
    monkeypatch.delenv("ADCLICK_PII_KEY", raising=False)
    with pytest.raises(SettingsError, match=r"feature 'email' has pii: hash, but .* ADCLICK_PII_KEY is not set"):
        RowChecks(table, Limits(), Creatives())


def test_a_personal_value_leaves_as_its_hash_and_a_dropped_one_not_at_all(pii_key: str, tmp_path: Path) -> None:
    from adclick.privacy import hashed

    (tmp_path / "settings.yaml").write_text(SETTINGS)
    checks = RowChecks(load_settings(tmp_path / "settings.yaml").features, Limits(), Creatives())
    row = {"impression_id": 1, "timestamp": 5, "site": "s", "email": "a@b.example", "phone": "555"}
    values = checks.complete(checks.check(row))
    sent = dict(zip([each.name for each in checks.inputs], values, strict=True))
    assert sent["email_hashed"] == hashed("email", b"a@b.example", pii_key.encode()).encode()
    assert b"555" not in values
    assert b"a@b.example" not in values


def test_the_memory_forgets_what_was_unused_for_longest_and_what_is_old() -> None:
    now_s = [0.0]
    store = MemoryStore(2, ttl_s=10.0, now_s=lambda: now_s[0])

    def known(*keys: str) -> list[bool]:
        found = asyncio.run(store.get_many([("user", key) for key in keys]))
        return [each is not None for each in found]

    for key in ("a", "b"):
        store.put_now("user", key, {"age": 1})
    assert known("a") == [True]
    store.put_now("user", "c", {"age": 1})
    assert known("a", "b", "c") == [True, False, True]
    now_s[0] = 10.0
    assert known("a", "c") == [False, False]
    assert len(store) == 0


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("u.csv", "user_id,age\nu1,200\n", "u.csv, line 2: field 'age', value 200.0: outside of 0 to 130"),
        ("u.csv", "user_id,age\n,20\n", "u.csv, line 2: field 'user_id' is missing"),
        ("u.csv", "user_id,agee\nu1,20\n", "u.csv, line 2: no field 'agee' in it; did you mean 'age'?"),
        ("u.csv", "user_id,age\nu1\n", "u.csv, line 2: has another number of cells than the header"),
        ("u.jsonl", '{"user_id": "u1", "age": "x"}\n', "u.jsonl, line 1: field 'age', value 'x': give a number"),
        ("u.jsonl", "[]\n", "u.jsonl, line 1: is no JSON object"),
    ],
)
def test_a_file_of_entries_is_checked(pii_key: str, tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / "settings.yaml").write_text(SETTINGS)
    (tmp_path / name).write_text(text)
    table = load_settings(tmp_path / "settings.yaml").features
    settings = Enrichment(kinds={"user": EnrichmentKind(key="user_id", fields=("age",), file=name)})
    checks = RowChecks(table, Limits(), Creatives(), key_fields=("user_id",))
    with pytest.raises(SettingsError) as raised:
        filled_store(settings, table, checks, tmp_path)
    assert said in str(raised.value)


def test_the_page_escapes_what_the_table_says() -> None:
    schema = {"properties": {"a": {"type": ["string"], "description": "<script>"}}, "required": []}
    content = {"examples": {"one": {"value": {"a": "<b>"}}}}
    description = {
        "info": {"title": "t"},
        "paths": {"/v1/predict": {"post": {"requestBody": {"content": {"application/json": content}}}}},
        "components": {"schemas": {"Impression": schema}},
    }
    page = docs_page(description)
    assert "<script>" not in page
    assert "<b>" not in page


def test_help_is_light() -> None:
    code = (
        "import sys; from adclick.cli import main\n"
        "try: main(['gateway', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'grpc', 'fastapi', 'aiohttp', 'pydantic', 'jwt', 'redis'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, capture_output=True, timeout=60)


def test_the_gateway_needs_no_tensorflow() -> None:
    code = "import sys, serving.gateway.gateway; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, capture_output=True, timeout=60)


def test_the_docs_list_every_code_and_no_other() -> None:
    from serving.gateway.codes import CODES

    text = (REPOSITORY / "docs" / "gateway.md").read_text()
    listed = [line for line in text.splitlines() if line.startswith(("| 2", "| 4", "| 5"))]
    assert listed == [f"| {meaning.status} | `{code}` | {meaning.meaning} |" for code, meaning in CODES.items()]
