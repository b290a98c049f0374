"""Names of entries that go with the keys of a dictionary transform."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from monai.config import KeysCollection
from monai.utils import ensure_tuple

from monai_gan.errors import InputError


def one_per_key(name: str, given: KeysCollection, keys: Sequence[Hashable]) -> tuple[Hashable, ...]:
    """The given entries as a tuple, one for each key.

    Args:
        name: of the argument, for the error.
        given: a name or several.
        keys: of the transform.

    Raises:
        InputError: there are not as many as keys.
    """
    others: tuple[Hashable, ...] = ensure_tuple(given)
    if len(others) != len(keys):
        raise InputError(f"{name}={given!r} has {len(others)} names for {len(keys)} keys: give one for each.")
    return others
