"""What one pod has for itself: folders that stand for its filesystem, and its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Where the launcher mirrors buckets (LocalPathForURI in backend/src/v2/component/launcher_v2.go).
MOUNTS = {"gs://": "gcs", "minio://": "minio", "s3://": "s3"}
# Our entry point's word for where the mounts are; at the filesystem's root without it.
LAUNCHER_ROOT = "ADCLICK_LAUNCHER_ROOT"


class PodError(Exception):
    """The pod could not be started or the launcher in it gave up."""


class Pod:
    """The filesystem of one attempt at a task, below `root`, shared with no other pod."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("home", "tmp", "work"):
            (root / folder).mkdir(parents=True)

    def local(self, uri: str) -> Path:
        """The launcher's local path for a URI in a bucket.

        Raises:
            PodError: a scheme that the launcher does not mirror.
        """
        for scheme, mount in MOUNTS.items():
            if uri.startswith(scheme):
                return self.root / mount / uri.removeprefix(scheme)
        raise PodError(f"failed to generate local path for URI {uri}: unsupported storage scheme")

    def output_parameter(self, name: str) -> Path:
        """The file in which a task leaves an output parameter."""
        return self.root / "tmp" / "kfp" / "outputs" / name

    def environment(
        self,
        container_env: Mapping[str, str],
        platform: Mapping[str, Any],
        secrets: Mapping[str, Mapping[str, str]],
        image_env: Mapping[str, str],
    ) -> dict[str, str]:
        """What the process sees; nothing of the caller's own environment.

        Args:
            container_env: `env` of the pipeline spec.
            platform: the task's KubernetesExecutorConfig.
            secrets: Kubernetes secrets and config maps by name.
            image_env: variables that the image sets, PATH among them.

        Raises:
            PodError: a secret that is not optional is missing.
        """
        seen = {"PATH": os.defpath, "LANG": "C.UTF-8", **image_env}
        seen |= {"HOME": str(self.root / "home"), "TMPDIR": str(self.root / "tmp"), LAUNCHER_ROOT: str(self.root)}
        seen |= container_env
        for kind, key in (("secretAsEnv", "secretKey"), ("configMapAsEnv", "configMapKey")):
            for reference in platform.get(kind, ()):
                seen |= _referenced(reference, kind.removesuffix("AsEnv"), key, secrets)
        return seen


def check_volumes(platform: Mapping[str, Any], claims: Mapping[str, Path]) -> None:
    """Mounts are stood for by folders at the very path that the package names.

    Raises:
        PodError: a claim that the cluster does not have.
    """
    for mount in platform.get("pvcMount", ()):
        parameter = mount.get("pvcNameParameter", {}).get("runtimeValue", {}).get("constant")
        name = parameter or mount.get("constant", "")
        if name not in claims:
            raise PodError(f'persistentvolumeclaim "{name}" not found')
        if Path(mount["mountPath"]) != claims[name]:
            raise NotImplementedError(f"{name} is wanted at {mount['mountPath']}: the emulator cannot mount it there")


def _referenced(
    reference: Mapping[str, Any], kind: str, key: str, secrets: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    constant = reference.get(f"{kind}NameParameter", {}).get("runtimeValue", {}).get("constant")
    name = constant or reference.get(f"{kind}Name", "")
    found = {}
    for pair in reference.get("keyToEnv", ()):
        value = secrets.get(name, {}).get(pair[key])
        if value is not None:
            found[pair["envVar"]] = value
        elif not reference.get("optional"):
            raise PodError(f"CreateContainerConfigError: couldn't find key {pair[key]} in {kind} {name!r}")
    return found
