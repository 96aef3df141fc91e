"""Names for versions, such as `canary`, that a client may ask for instead of a number.

`labels.json` beside the versions: {"canary": 1795217282}. Our model server reads it, and gives a label to a version
that it has loaded; TensorFlow's takes labels from its model config
(tensorflow_serving/config/model_server_config.proto, version_labels).
"""

from __future__ import annotations

import json
import os
import re

from adclick.errors import AdclickError, SettingsError
from adclick.filesystem import join, read_bytes, replace_bytes
from components.pusher.versions import Folder

LABELS_FILE = "labels.json"
LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def read_labels(model_folder: Folder) -> dict[str, int]:
    """Version by label. Raises AdclickError for a file that is none of ours."""
    uri = join(os.fspath(model_folder), LABELS_FILE)
    try:
        found = json.loads(read_bytes(uri))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise AdclickError(f"{uri}: not JSON ({error}); mend or remove it, and set the labels again") from None
    if not isinstance(found, dict) or not all(type(version) is int for version in found.values()):
        raise AdclickError(f'{uri}: not of the form {{"label": version}}; mend or remove it, and set the labels again')
    return dict(sorted(found.items()))


def write_labels(model_folder: Folder, labels: dict[str, int]) -> None:
    """Replaces all labels at once."""
    content = json.dumps(dict(sorted(labels.items())), indent=1).encode()
    replace_bytes(join(os.fspath(model_folder), LABELS_FILE), content)


def check_label(label: str) -> None:
    """Raises SettingsError for a name that a URL or a server's configuration would not take as it is."""
    if not LABEL.fullmatch(label):
        raise SettingsError(
            f"label {label!r}: give a letter, then at most 63 letters, digits, '.', '_' or '-', such as canary"
        )


def tf_serving_config(model_folder: Folder, model_name: str, labels: dict[str, int]) -> str:
    """What `tensorflow_model_server --model_config_file` takes, in protobuf's text format.

    All versions are loaded, since a label may only name a loaded one; requests without a label get the newest.
    """
    named = "".join(f"\n    version_labels {{ key: {json.dumps(key)} value: {labels[key]} }}" for key in sorted(labels))
    return (
        "model_config_list {\n  config {\n"
        f"    name: {json.dumps(model_name)}\n    base_path: {json.dumps(os.fspath(model_folder))}\n"
        f'    model_platform: "tensorflow"\n    model_version_policy {{ all {{}} }}{named}\n  }}\n}}'
    )
