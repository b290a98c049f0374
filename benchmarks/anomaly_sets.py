"""The sets that detectors are compared on: what they learn from, what calibrates them and what they are tested with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from monai_gan.data import ANOMALY_KINDS, ImageDataset, body_mask, insert_anomaly, normal_images, open_source
from monai_gan.data.resize import resize
from monai_gan.metrics import DetectionTruth

#: Patients of the tumour set whose slices are tested by one network that has seen none of them.
TUMOR_GROUPS = ((15, 16, 19), (2, 6, 7), (10, 12, 14))


@dataclass(frozen=True)
class Fold:
    """One network's part of a set.

    Args:
        network: which trained network belongs to it: 0 is the bundle, the others left out other patients.
        train: normal images (N, 1, *S) in [-1, 1] that it has learnt from.
        calibration: held-out normal images.
        units: the patient of each of these, or None.
        test: numbers of the test images that it judges.
    """

    network: int
    train: Tensor
    calibration: Tensor
    units: Sequence[object] | None
    test: np.ndarray


@dataclass(frozen=True)
class AnomalySet:
    """A set.

    Args:
        title: of the table.
        note: what a reader must know of it.
        images: test images (N, 1, *S) at the size of the networks.
        truth: of these; masks and bodies can be finer.
        folds: who judges what.
        bright: whether only what is brighter than usual is anomalous here.
        kinds: of inserted anomalies, by test image, "" for normal ones.
    """

    title: str
    note: str
    images: Tensor
    truth: DetectionTruth
    folds: list[Fold]
    bright: bool = False
    kinds: list[str] = field(default_factory=list)


def pneumonia() -> AnomalySet:
    """Normal chest X-rays of children against those with pneumonia."""
    table = normal_images("pneumoniamnist28", label=0)
    test = ImageDataset("pneumoniamnist28", "test")
    assert test.labels is not None
    train, calibration = (ImageDataset(table, part).stack() for part in ("train", "val"))  # type: ignore[arg-type]
    return AnomalySet(
        "Chest X-rays of children, 28 x 28 pixels: pneumonia",
        "The normal images of this set are sharper than those with pneumonia, so that image statistics alone tell them "
        "apart: an effect of the acquisition. Patients are unknown, calibration is by image.",
        test.stack(),
        DetectionTruth(test.labels == 1),
        [Fold(0, train, calibration, None, np.arange(len(test)))],
    )


def tumor(groups: int = 1) -> AnomalySet:
    """Slices with and without enhancing tumour, each patient judged by a network that has not seen it.

    Args:
        groups: of left-out patients, as many as there are networks.
    """
    table = open_source("brain_tumor_t1c")
    assert table.masks is not None
    assert table.subjects is not None
    patients = np.asarray(table.subjects)
    chosen = TUMOR_GROUPS[:groups]
    full = 2 * torch.from_numpy(np.asarray(table.images))[:, None].float() / 255 - 1
    images = torch.stack([resize(image, (64, 64)) for image in full])
    masks = torch.from_numpy(np.asarray(table.masks))[:, None].bool()
    anomalous = masks.flatten(1).any(1).numpy()
    # Of the images only those are tested whose patient some network has left out.
    tested = np.flatnonzero(np.isin(patients, np.concatenate(chosen)))
    folds = []
    for number, group in enumerate(chosen):
        train = images[torch.from_numpy(~np.isin(patients, group) & ~anomalous)]
        for patient in group:
            others = np.isin(patients, group) & (patients != patient) & ~anomalous
            units = patients[others].tolist()
            test = np.flatnonzero(patients[tested] == patient)
            folds.append(Fold(number, train, images[torch.from_numpy(others)], units, test))
    bodies = torch.stack([body_mask(full[number]) for number in tested])
    left_out = (
        "Each of the nine patients was left out by one of three trainings"
        if groups == len(TUMOR_GROUPS)
        else f"Only the {sum(map(len, chosen))} of nine patients that the training left out are tested, so that "
        "intervals are wide; it was not repeated without the others"
    )
    return AnomalySet(
        "Contrast-enhanced T1-weighted MR slices: enhancing tumour",
        f"{left_out}. A patient is calibrated on the slices without mask of the two others that the same training left "
        "out. Slices without a mask have no enhancing tumour, they are not healthy. Pixel figures at 128 x 128 inside "
        "the head.",
        images[tested],
        DetectionTruth(anomalous[tested], patients[tested].tolist(), masks[tested], bodies),
        folds,
        bright=True,
    )


def head_ct() -> AnomalySet:
    """Head CT slices with inserted anomalies."""
    train, calibration, test = (ImageDataset("mednist64/HeadCT", part).stack() for part in ("train", "val", "test"))
    note = (
        "Each of the 300 test slices, once as it is and once with an inserted blob, foreign patch or deformation; both "
        "are resampled together. Patients are unknown, calibration is by slice. Pixel figures inside the head."
    )
    return _inserted("Head CT slices, 64 x 64 pixels: inserted anomalies", note, train, calibration, test)


def hippocampus() -> AnomalySet:
    """Crops around the hippocampus with inserted anomalies, in 3-D."""
    train = ImageDataset("hippocampus3d", "train", spatial_dims=3).stack()
    calibration = ImageDataset("hippocampus3d", "val", spatial_dims=3).stack()
    test = ImageDataset("hippocampus3d", "test", spatial_dims=3).stack()
    note = (
        "Each of the 31 test volumes, once as it is and once with an inserted blob, foreign patch or deformation; both "
        "are resampled together. Calibration is by volume. Pixel figures inside the crop."
    )
    return _inserted("MR crops around the hippocampus, in 3-D: inserted anomalies", note, train, calibration, test)


def _inserted(title: str, note: str, train: Tensor, calibration: Tensor, test: Tensor) -> AnomalySet:
    n = len(test)
    kinds = [ANOMALY_KINDS[number % len(ANOMALY_KINDS)] for number in range(n)]
    found = [
        insert_anomaly(test[number], kind, number, donor=test[(number + n // 2) % n])
        for number, kind in enumerate(kinds)
    ]
    images = torch.cat([test, torch.stack([one.image for one in found])])
    masks = torch.cat([torch.zeros_like(test, dtype=torch.bool), torch.stack([one.mask for one in found])])
    bodies = torch.stack([body_mask(image) for image in test]).repeat(2, *[1] * (test.ndim - 1)) | masks
    truth = DetectionTruth(np.arange(2 * n) >= n, [*range(n), *range(n)], masks, bodies)
    folds = [Fold(0, train, calibration, None, np.arange(2 * n))]
    return AnomalySet(title, note, images, truth, folds, kinds=[""] * n + [str(kind) for kind in kinds])


SETS: dict[str, Callable[[], AnomalySet]] = {
    "pneumonia": pneumonia,
    "tumor": tumor,
    "head_ct": head_ct,
    "hippocampus": hippocampus,
}
