"""What a variant with classes asks of its training data as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np

from monai_gan.errors import InputError


def check_classes(dataset: Any, num_classes: int) -> None:
    """Refuse data in which a class has no image: what the network would make of it means nothing.

    Args:
        dataset: has ``labels`` (N,) and perhaps ``label_names``, as :class:`~monai_gan.data.ImageDataset` does; data
            that keeps no labels is not looked at.
        num_classes: classes of the networks.

    Raises:
        InputError: for the first class without an image.
    """
    labels = getattr(dataset, "labels", None)
    if labels is None:
        return
    missing = np.setdiff1d(np.arange(num_classes), labels)
    if len(missing) == 0:
        return
    number = int(missing[0])
    names = getattr(dataset, "label_names", ())
    name = f" ('{names[number]}')" if number < len(names) else ""
    raise InputError(
        f"Class {number}{name} of {num_classes} has no image in the training data: give images of it, or set "
        "num_classes of generator and discriminator to the classes that there are."
    )
