"""The one place that loads the compiled module ``monai_gan._native``; everything else asks here."""

from __future__ import annotations

import importlib
import logging
import os
from types import ModuleType

import torch  # noqa: F401 - its OpenMP runtime has to be there first, so that the compiled module shares it

REQUIRE_VARIABLE = "MONAI_GAN_REQUIRE_NATIVE"
REMEDY = "install a C++ compiler and run: pip install --force-reinstall --no-deps --no-cache-dir monai-gan"


def load() -> tuple[ModuleType | None, str]:
    """Import the compiled module.

    Returns:
        The module and an empty string, or ``None`` and the reason why it is not there.

    Raises:
        ImportError: the module is missing although ``MONAI_GAN_REQUIRE_NATIVE=1`` asks for it.
    """
    try:
        return importlib.import_module("monai_gan._native"), ""
    except ImportError as error:
        reason = f"the compiled module cannot be loaded ({error})"
        if os.environ.get(REQUIRE_VARIABLE, "") not in ("", "0"):
            raise ImportError(f"{REQUIRE_VARIABLE} is set but {reason}; {REMEDY}") from error
        return None, reason


module, missing_reason = load()
if module is None:
    # Once, because a module is imported once; INFO, because plain torch gives the same values.
    logging.getLogger(__name__).info(
        "%s; plain torch serves all operations. To change that, %s", missing_reason, REMEDY
    )
