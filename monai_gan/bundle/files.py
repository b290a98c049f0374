"""Small file helpers of the bundle room: atomic writes, checksums, JSON with clear errors."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from monai_gan.atomic import write_atomic
from monai_gan.errors import InputError

#: Where a bundle keeps its metadata, relative to its root.
METADATA = "configs/metadata.json"
#: Where a bundle keeps the weights of its inference network.
WEIGHTS = "models/model.pt"


def is_bundle(path: Path) -> bool:
    """Whether a folder has what makes it a bundle: ``configs/metadata.json``."""
    return (path / METADATA).is_file()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Args:
        path: the file.

    Returns:
        The object.

    Raises:
        InputError: if the file is missing, unreadable, not JSON, or holds something other than an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"'{path}' does not exist: is '{path.parent.parent}' a complete bundle?") from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"'{path}' is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}; correct it there."
        ) from error
    except RecursionError as error:
        raise InputError(f"'{path}' is nested too deeply to be a bundle's configuration.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"'{path}' cannot be read as UTF-8 text: {error}.") from error
    if not isinstance(content, dict):
        raise InputError(f"'{path}' holds a {type(content).__name__}: a bundle's JSON files hold an object, {{...}}.")
    return content


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write an object as indented JSON, atomically."""
    write_atomic(path, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode("utf-8"))
