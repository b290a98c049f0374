"""The one place that loads the compiled module ``monai_gan._native``; everything else asks here."""

from __future__ import annotations

import importlib
import logging
import os
from types import ModuleType

import torch  # noqa: F401 - its OpenMP runtime has to be there first, so that the compiled module shares it

REQUIRE_VARIABLE = "MONAI_GAN_REQUIRE_NATIVE"
#: What the module and the modules that call it have agreed on; the same number stands in csrc/contract.h.
CONTRACT = 4
REMEDY = (
    "install a C++ compiler and run `make install` in a clone, or: "
    "pip install --force-reinstall --no-deps --no-cache-dir monai-gan"
)


def load() -> tuple[ModuleType | None, str]:
    """Import the compiled module.

    A module that was built from other sources counts as missing: it is given bare addresses, and would read and write
    where it should not.

    Returns:
        The module and an empty string, or ``None`` and the reason why it is not there.

    Raises:
        ImportError: the module is missing although ``MONAI_GAN_REQUIRE_NATIVE=1`` asks for it.
    """
    try:
        found = importlib.import_module("monai_gan._native")
    except ImportError as error:
        # INFO, because plain torch gives the same values.
        reason, level = f"the compiled module cannot be loaded ({error})", logging.INFO
    else:
        built = getattr(found, "contract", 0)
        if built == CONTRACT:
            return found, ""
        reason = f"the compiled module was built from other sources (contract {built}, wanted {CONTRACT})"
        level = logging.WARNING
    if os.environ.get(REQUIRE_VARIABLE, "") not in ("", "0"):
        raise ImportError(f"{REQUIRE_VARIABLE} is set but {reason}; {REMEDY}")
    logging.getLogger(__name__).log(level, "%s; plain torch serves all operations. To change that, %s", reason, REMEDY)
    return None, reason


# Once, so that what it logs is said once.
module, missing_reason = load()
