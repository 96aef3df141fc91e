"""Settings of submission: what is refused, and what the person who wrote it is told."""

from __future__ import annotations

import pytest

from adclick.errors import SettingsError
from configs.cron import check_cron, five_fields
from configs.loading import load_settings


def test_the_defaults_need_no_entry() -> None:
    submission = load_settings().submission
    assert (submission.target, submission.host, submission.schedule.cron) == ("kubeflow", None, "0 0 4 2 * *")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("submission.hots=x", "submission.hots: unknown key; did you mean 'host'?"),
        ("submission.schedule.corn='0 0 4 2 * *'", "submission.schedule.corn: unknown key; did you mean 'cron'?"),
        ("submission.vertex.projet=p", "submission.vertex.projet: unknown key; did you mean 'project'?"),
        (
            "submission.host=kubeflow.example.com",
            "submission.host: 'kubeflow.example.com' is no URL: write it as https://kubeflow.example.com or "
            "http://localhost:8080",
        ),
        (
            "submission.host=https://me:hush@kubeflow.example.com",
            "submission.host: holds a user or password, which would end up in logs: use token_variable or token_file",
        ),
        (
            "submission.pipeline_root=/data/root",
            "submission.pipeline_root: '/data/root' is no folder of a store: write minio://, s3:// or gs://, "
            "bucket/folder",
        ),
        (
            "submission.parameters={steps: [1]}",
            "submission.parameters: 'steps' has a list; a parameter is a text, a number or a boolean",
        ),
        (
            "submission={token_variable: A, token_file: /b}",
            "submission.token_variable and submission.token_file are both set; keep one of them",
        ),
        (
            "submission.target=vertex",
            "submission.vertex.project is missing, and submission.target is 'vertex': add it",
        ),
        (
            "submission.schedule.cron='0 4 2 * *'",
            "submission.schedule.cron: '0 4 2 * *' has five fields; Kubeflow wants seconds before them: '0 0 4 2 * *'",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_with_its_fix(word: str, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(None, [word])
    assert str(raised.value) == f"--set {word}: {message}"


def test_a_password_in_the_url_is_not_repeated() -> None:
    """The origin is the word itself, which the person typed; from a file, nothing of it is shown."""
    with pytest.raises(SettingsError) as raised:
        load_settings(None, ["submission.host=https://me:hush@kubeflow.example.com"])
    assert "hush" not in str(raised.value).partition(": submission.host: ")[2]


@pytest.mark.parametrize(
    "cron",
    ["0 0 4 2 * *", "*/30 * * * * ?", "0 0 9 ? * 2-6", "0 0,30 6-22/2 1,15 JAN-MAR mon", "59 59 23 31 12 6"],
)
def test_crons_that_the_scheduler_takes(cron: str) -> None:
    assert check_cron(f"  {cron.replace(' ', '  ')} ") == cron


@pytest.mark.parametrize(
    ("cron", "part"),
    [
        ("", "has 0 fields and not six"),
        ("0 0 0 4 2 * *", "has 7 fields and not six"),
        ("60 0 4 2 * *", "'60' is no seconds; write 0-59"),
        ("0 0 24 2 * *", "'24' is no hours; write 0-23"),
        ("0 0 4 0 * *", "'0' is no day of month; write 1-31"),
        ("0 0 4 2 13 *", "'13' is no month; write 1-12 or JAN…"),
        ("0 0 4 2 * 7", "'7' is no day of week; write 0-6 or SUN…"),
        ("0 0 4 2 FOO *", "'FOO' is no month"),
        ("0 0 9-4 2 * *", "'9-4' is no hours"),
        ("0 */0 4 2 * *", "the step of '*/0' leads nowhere"),
        ("0 ? 4 2 * *", "'?' is no minutes"),
        ("0 0 4 2, * *", "'' is no day of month"),
        ("0 0 4 -2 * *", "'-2' is no day of month"),
    ],
)
def test_crons_that_it_would_refuse(cron: str, part: str) -> None:
    with pytest.raises(ValueError) as raised:
        check_cron(cron)
    assert part in str(raised.value)


def test_seconds_fall_away_for_vertex() -> None:
    assert five_fields("0 0 4 2 * ?") == "0 4 2 * *"
    with pytest.raises(ValueError, match="begin with 0 seconds"):
        five_fields("30 0 4 2 * *")
