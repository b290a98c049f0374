"""The JSON schemas of what goes into the apps and comes out of them."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any


def read_schema(name: str) -> dict[str, Any]:
    """A schema that travels with this package.

    Args:
        name: of the file, for instance ``"request_schema.json"``.
    """
    schema: dict[str, Any] = json.loads(resources.files("monai_gan.apps").joinpath(name).read_text(encoding="utf-8"))
    return schema
