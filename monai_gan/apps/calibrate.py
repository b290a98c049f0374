"""Give a detector's scores their meaning: measure them on held-out normal images and write that into the bundle."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_gan.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

#: Share of the body of an average normal image that lies above the threshold of the map.
PIXEL_RATE = 0.01


def calibrate_detector(
    bundle: str | Path,
    images: Iterable[Tensor],
    units: Sequence[object] | None = None,
    unit: str = "image",
    *,
    device: str = "auto",
    trust: bool = False,
) -> dict[str, Any]:
    """Calibrate a detection bundle on normal images that its training has not seen, and renew its checksums.

    Writes ``calibration.image``, ``map_threshold`` and ``familiar``, by which images of another kind are told, into
    ``configs/metadata.json``. A rate that so few units cannot promise is taken out of the block ``detection``.

    Args:
        bundle: path of the bundle, which is changed.
        images: each (1, rows, columns) or (1, X, Y, Z) in image units, as a user would give them.
        units: the patient or volume of each; None where unknown, each image then counts for itself.
        unit: what they are: ``"patient"``, ``"volume"``; ``"image"`` or ``"slice"`` where patients are unknown.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        trust: allow a bundle whose configuration runs code from outside monai_gan, MONAI and torch.

    Returns:
        The block ``detection`` as it is now.

    Raises:
        InputError: the bundle is no folder of a detector, or there are too few images or units.
    """
    import torch

    from monai_gan.apps.detection_prepare import PreparedImage
    from monai_gan.apps.load import check_task, load
    from monai_gan.bundle import BundleInfo, write_checksums
    from monai_gan.bundle.files import METADATA, read_json, write_json
    from monai_gan.data import ProfileLimits, image_profile
    from monai_gan.metrics import ScoreCalibration, pixel_threshold

    info = BundleInfo.from_path(bundle)
    check_task(info, ("anomaly_detection",))
    detector = load(info.path, device=device, trust=trust)
    scores, maps, bodies, profiles = [], [], [], []
    for image in images:
        with warnings.catch_warnings():
            # What is familiar is what is being measured here.
            warnings.simplefilter("ignore")
            prepared = PreparedImage.of(detector.as_meta(image), detector.form, info)
            scores_of_one, found = detector.raw(prepared)
        if len(scores_of_one) != 1:
            raise InputError("A volume of slices is not one normal image: give its slices, with the volume as unit.")
        scores.append(float(f"{float(scores_of_one[0]):.6g}"))
        maps.append(found)
        bodies.append(prepared.bodies)
        profiles.append(image_profile(prepared.volume, prepared.turned))
    calibration = ScoreCalibration.of(scores, units, unit)
    threshold = pixel_threshold(torch.cat(maps), PIXEL_RATE, torch.cat(bodies))
    metadata = read_json(info.path / METADATA)
    block: dict[str, Any] = metadata["monai_gan"]["detection"]
    block["calibration"] = {"image": calibration.as_dict()}
    block["map_threshold"] = float(f"{threshold:.6g}")
    if block.get("rate") is not None and block["rate"] < calibration.least_rate:
        block["rate"] = None
    metadata["monai_gan"]["familiar"] = ProfileLimits.fit(profiles).as_dict()
    write_json(info.path / METADATA, metadata)
    write_checksums(info.path)
    return block
