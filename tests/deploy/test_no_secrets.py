"""Nothing that looks like a secret is in what is deployed: images, manifests, compose file, workflows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from dockerfiles import ROOT

FOLDERS = [ROOT / "deploy", ROOT / ".github"]
FILES = [ROOT / ".dockerignore", *sorted(path for each in FOLDERS for path in each.rglob("*") if path.is_file())]
KNOWN = {
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY",
    "AWS key": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub token": r"\bgh[pousr]_\w{30,}|\bgithub_pat_\w{20,}",
    "Google key": r"\bAIza[\w-]{35}|\"private_key_id\"",
    "JWT": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}",
    "password in a URL": r"://[^/\s:@\"'{}$]*:[^/\s:@\"'{}$]+@",
    "long random text": (
        r"(?<![\w/@:.-])(?!/)(?=[A-Za-z+/]*\d)(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])[A-Za-z0-9+/]{32,}={0,2}(?![\w/.-])"
    ),
    # a value with a digit, that is no reference ($VARIABLE, ${{ … }}, {name: …}) and no bare word
    "assigned": (
        r"(?i)\b[\w-]*(?:password|passwd|secret|token|api_?key|access_key)[\w-]*[\"']?\s*[:=]\s*[\"']?"
        r"(?![$<{\[\s\"']|null\b|true\b|false\b)(?=[\w+/-]*\d)[\w+/=-]{8,}"
    ),
}


def findings(text: str) -> list[tuple[str, str]]:
    return [(name, match[0]) for name, pattern in KNOWN.items() for match in re.finditer(pattern, text)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_deployed_file_holds_no_secret(path: Path) -> None:
    assert findings(path.read_text(encoding="utf-8")) == []


def test_no_manifest_is_a_secret() -> None:
    for path in (ROOT / "deploy" / "kubernetes").rglob("*.yaml"):
        assert "Secret" not in [
            each.get("kind") for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each
        ]
        assert "secretGenerator" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "planted",
    [
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "AWS_ACCESS_KEY_ID: AKIA" + "IOSFODNN7EXAMPLE",
        "key = wJalrXUtnFEMI" + "K7MDENGbPxRfiCYEXAMPLEKEY0",
        "url: redis://:" + "hunter2@redis:6379",
        "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiJzaG9wIn0.c2ln",
        "jwt-secret: 0123456789" + "abcdef",
        "token: ghp_" + "a1" * 18,
        'GF_SECURITY_ADMIN_PASSWORD: "' + 'letmein2024"',
    ],
)
def test_a_planted_one_is_found(planted: str) -> None:
    assert findings(f"env:\n  {planted}\n")
