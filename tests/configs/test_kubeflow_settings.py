"""Settings of the compiled pipeline: misspelt names and plain secrets are refused, parts lie over the whole."""

from __future__ import annotations

import re

import pytest

from adclick.errors import SettingsError
from configs.kubeflow import Kubeflow, Resources
from configs.loading import load_settings


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("kubeflow.imgae=x", "--set kubeflow.imgae=x: kubeflow.imgae: unknown key; did you mean 'image'?"),
        ("kubeflow.image='a b'", "kubeflow.image: got 'a b'"),
        (
            "kubeflow.components={CreativeTriner: {}}",
            "kubeflow.components names 'CreativeTriner', which there is not; did you mean 'CreativeTrainer'?",
        ),
        ("kubeflow.components={RunReport: {cpu: 1}}", "unknown key; did you mean 'cpu_limit'?"),
        ("kubeflow.resources={cpu_request: 2, cpu_limit: 1}", "cpu request 2 is above its limit 1"),
        ("kubeflow.resources.memory_limit_gb=0", "kubeflow.resources.memory_limit_gb: got 0"),
        ("kubeflow.volumes=[{claim: Models, path: /m}]", "kubeflow.volumes.0.claim: got 'Models'"),
        ("kubeflow.volumes=[{claim: models, path: m}]", "kubeflow.volumes.0.path: got 'm'"),
        ("kubeflow.secrets={'A B': {secret: s, key: k}}", "kubeflow.secrets.A B"),
        (
            "kubeflow.secrets={TOKEN: abc}",
            "--set kubeflow.secrets: kubeflow.secrets.TOKEN: got (withheld): it must be a mapping of keys to values",
        ),
        ("kubeflow.environment={ADCLICK_LAUNCHER_ROOT: /x}", "belongs to the launcher"),
        ("kubeflow.secrets={KFP_POD_NAME: {secret: s, key: k}}", "belongs to the launcher"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_mend(override: str, told: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(told)):
        load_settings(None, [override])


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "API_TOKEN", "ADCLICK_PII_KEY", "GOOGLE_APPLICATION_CREDENTIALS"]
)
@pytest.mark.parametrize("where", ["environment={%s: v4lue}", "components={RunReport: {environment: {%s: v4lue}}}"])
def test_a_secret_in_plain_is_refused_and_not_repeated(name: str, where: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} looks like a secret") as refused:
        load_settings(None, [f"kubeflow.{where}" % name])
    assert "v4lue" not in str(refused.value)


def test_a_url_with_a_password_is_a_secret_and_a_path_is_none() -> None:
    with pytest.raises(SettingsError, match="STORE looks like a secret"):
        load_settings(None, ["kubeflow.environment={STORE: 'http://me:pass@minio:9000'}"])
    plain = {"GOOGLE_APPLICATION_CREDENTIALS": "/var/key.json", "AWS_ACCESS_KEY_FILE": "/var/k", "KEYS": "3"}
    assert Kubeflow(environment=plain).environment == plain


def test_a_variable_is_plain_or_secret() -> None:
    words = ["kubeflow.environment={USERNAME: me}", "kubeflow.secrets={USERNAME: {secret: s, key: k}}"]
    with pytest.raises(SettingsError, match=r"USERNAME is in kubeflow\.secrets too"):
        load_settings(None, words)


def test_a_component_takes_what_it_leaves_out_from_all() -> None:
    settings = Kubeflow.model_validate(
        {
            "resources": {"cpu_request": 1, "memory_limit_gb": 4},
            "components": {"CreativeTrainer": {"cpu_request": 6, "memory_limit_gb": None, "environment": {"B": "2"}}},
            "environment": {"A": "1", "B": "1"},
        }
    )
    assert settings.resources_of("RunReport") == Resources(cpu_request=1, memory_limit_gb=4)
    assert settings.resources_of("CreativeTrainer") == Resources(cpu_request=6)  # null takes the limit away
    assert settings.environment_of("CreativeTrainer") == {"A": "1", "B": "2"}
    assert settings.environment_of("RunReport") == {"A": "1", "B": "1"}
