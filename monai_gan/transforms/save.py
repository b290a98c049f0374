"""Write synthetic images out of a MONAI pipeline, in image units and with their provenance."""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform
from torch import Tensor

from monai_gan.data.geometry import default_affine
from monai_gan.data.provenance import Provenance
from monai_gan.data.scaling import IntensityScale
from monai_gan.data.write import FORMATS, write_image
from monai_gan.errors import InputError


class SaveSynthetic(Transform):
    """Write each image as ``<bundle>_s<seed>_<index>.<ext>`` with a JSON sidecar.

    Name, version and checksum of the weights come from the bundle's ``configs/metadata.json``; so does the intensity
    (``monai_gan.intensity``) that -1 and 1 stand for, and the voxel size (``monai_gan.spacing_mm``).

    Args:
        output_dir: folder to write to.
        bundle_root: the bundle that made the images.
        seed: seed of the series.
        format: ``"png"``, ``"nii.gz"``, ``"nrrd"`` or ``"dcm"`` (a volume becomes a folder with a file per slice);
            default: PNG in 2-D, NIfTI in 3-D and for values that no PNG holds.
        label: the class asked for, to be stated.
        truncation: the factor on the latents, to be stated.
        date: UTC, ISO 8601, to be stated; default: the time of writing.

    Raises:
        InputError: the bundle's metadata is missing or lacks the intensity, or the format is unknown.
    """

    def __init__(
        self,
        output_dir: str | os.PathLike[str],
        bundle_root: str | os.PathLike[str],
        seed: int = 0,
        format: str | None = None,
        label: int | str | None = None,
        truncation: float | None = None,
        date: str | None = None,
    ) -> None:
        if format is not None and format not in FORMATS:
            raise InputError(f"format='{format}' is not written: give one of {', '.join(FORMATS)}.")
        root = Path(bundle_root).resolve()
        metadata = _read_metadata(root)
        extra = metadata.get("monai_gan") or {}
        if "intensity" not in extra:
            raise InputError(f"'{root}' does not say what its values mean: metadata.json lacks monai_gan.intensity.")
        self.output_dir = Path(output_dir)
        self.bundle = root.name
        self.version = str(metadata.get("version", "0.0.0"))
        self.task = str(extra.get("task", "synthesis"))
        self.checksum = next(
            (str(f.get("sha256", "")) for f in extra.get("files", ()) if f.get("path") == "models/model.pt"), ""
        )
        self.scale = IntensityScale.from_dict(extra["intensity"])
        if format == "png" and not self.scale.png_bits:
            raise InputError(f"format='png' would lose the intensities of bundle {root.name!r}: use nii.gz or nrrd.")
        self.spacing = extra.get("spacing_mm")
        self.label_names = [str(name) for name in extra.get("labels") or ()]
        self.seed = seed
        self.format = format
        self.label = label
        self.truncation = truncation
        self.date = date

    def __call__(self, image: Tensor, index: int = 0, label: int | None = None) -> Path:  # type: ignore[override]
        """Write an image.

        Args:
            image: image (C, *S) in [-1, 1].
            index: its number in the series.
            label: its class by number, to be stated by its name in the bundle; default: that of the constructor.

        Returns:
            The file, or the folder of a DICOM volume.
        """
        values = self.scale.to_image(torch.as_tensor(image).detach().cpu())
        bits = self.scale.png_bits
        extension = self.format or ("png" if values.ndim == 3 and bits else "nii.gz")
        provenance = Provenance(
            bundle=self.bundle,
            version=self.version,
            checksum=self.checksum,
            seed=self.seed,
            index=index,
            task=self.task,
            label=self._name(label),
            truncation=self.truncation,
        )
        if self.date is not None:
            provenance = replace(provenance, date=self.date)
        return write_image(
            self.output_dir / f"{self.bundle}_s{self.seed}_{index:04d}.{extension}",
            values,
            affine=None if self.spacing is None else default_affine(values.ndim - 1, self.spacing),
            provenance=provenance,
            bits=bits or None,
            units=self.scale.units,
        )

    def _name(self, label: int | None) -> int | str | None:
        if label is None:
            return self.label
        return self.label_names[label] if 0 <= label < len(self.label_names) else label


class SaveSyntheticd(MapTransform):
    """Dictionary form of ``SaveSynthetic``; a bundle's ``inference.json`` has it as post-processing.

    The number in the series is taken from ``index_key``. The sample passes through unchanged.

    Args:
        keys: keys of the images.
        output_dir: as in ``SaveSynthetic``.
        bundle_root: as in ``SaveSynthetic``.
        seed: as in ``SaveSynthetic``.
        format: as in ``SaveSynthetic``.
        index_key: key of the number.
        label: as in ``SaveSynthetic``.
        label_key: key of the class of each sample, by number; samples without it have that of ``label``.
        truncation: as in ``SaveSynthetic``.
        date: as in ``SaveSynthetic``.
        allow_missing_keys: do not fail on a missing key.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | os.PathLike[str],
        bundle_root: str | os.PathLike[str],
        seed: int = 0,
        format: str | None = None,
        index_key: str = "index",
        label: int | str | None = None,
        truncation: float | None = None,
        date: str | None = None,
        allow_missing_keys: bool = False,
        label_key: str = "label",
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.index_key = index_key
        self.label_key = label_key
        self.save = SaveSynthetic(output_dir, bundle_root, seed, format, label, truncation, date)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        if self.index_key not in data:
            raise InputError(
                f"index_key='{self.index_key}' is not in the sample, which has: {', '.join(map(str, data))}."
            )
        # MONAI's evaluators set the label of samples that have none to None.
        found = data.get(self.label_key)
        label = None if found is None else int(found)
        for key in self.key_iterator(data):
            self.save(data[key], int(data[self.index_key]), label)
        return dict(data)


def _read_metadata(root: Path) -> dict[str, Any]:
    path = root / "configs" / "metadata.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"'{path}' cannot be read ({error}): give bundle_root=, the root folder of a bundle."
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"'{path}' is not a JSON object.")
    return content
