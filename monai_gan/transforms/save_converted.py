"""Write what a translating or enhancing network made, in image units and with its provenance."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.transforms import MapTransform
from torch import Tensor

from monai_gan.data.geometry import rescaled_affine
from monai_gan.data.provenance import Provenance
from monai_gan.data.scaling import IntensityScale
from monai_gan.data.write import write_image
from monai_gan.errors import InputError

#: What a network's output can be written to; a picture would lose the grid of a volume.
CONVERTED_FORMATS = ("nii.gz", "nrrd")


class SaveConvertedd(MapTransform):
    """Write results as ``<input>_<bundle>.nii.gz`` with a JSON sidecar; the post-processing of a bundle's inference.

    Units, type, and how many voxels a voxel has become are what the bundle's metadata say (``monai_gan.intensity`` and
    ``monai_gan.volume``). Where they give no output range, the result gets the units of its input back, by the
    ``intensity_scale`` that :class:`~monai_gan.transforms.ScaleForegroundd` left in its metadata. The corners of the
    box that the voxels fill stay where they are. The sample passes through unchanged. Unlike ``monai-gan translate``,
    this neither looks for padding nor checks the result.

    Args:
        keys: results (C, X, Y, Z) in [-1, 1].
        output_dir: folder to write to.
        bundle_root: the bundle that made them.
        source_key: the network's input, a ``MetaTensor`` (C, X, Y, Z) with affine and file name.
        format: ``"nii.gz"`` or ``"nrrd"``.
        label: the direction asked for, to be stated.
        allow_missing_keys: whether to pass over samples that lack a key.

    Raises:
        InputError: the format is unknown or the bundle says nothing of volumes; at the call, the input is missing, has
            no affine, or no scale where one is needed.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | os.PathLike[str],
        bundle_root: str | os.PathLike[str],
        source_key: str = "image",
        format: str = "nii.gz",
        label: str | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        from monai_gan.apps.volume_form import VolumeForm
        from monai_gan.bundle import BundleInfo

        super().__init__(keys, allow_missing_keys)
        if format not in CONVERTED_FORMATS:
            raise InputError(f"format='{format}' is not written here: give one of {', '.join(CONVERTED_FORMATS)}.")
        self.info = BundleInfo.from_path(Path(bundle_root).resolve())
        self.form = VolumeForm.of(self.info)
        self.output_dir = Path(output_dir)
        self.source_key, self.format, self.label = source_key, format, label

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the results of a sample."""
        source = data.get(self.source_key)
        if not isinstance(source, MetaTensor):
            raise InputError(
                f"source_key='{self.source_key}' names no MetaTensor in the sample: load it with LoadImaged."
            )
        for key in self.key_iterator(data):  # type: ignore[no-untyped-call]
            self._save(torch.as_tensor(data[key]).detach().cpu().as_subclass(Tensor), source)
        return dict(data)

    def _save(self, result: Tensor, source: MetaTensor) -> None:
        fixed = self.form.output_scale
        # In the input's own units nothing is clipped: fine structures can be brighter than any voxel of the input.
        values = _scale_of(source).to_image(result) if fixed is None else fixed.to_image(result.clamp(-1, 1))
        if self.form.dtype not in ("input", "float32"):
            named = getattr(torch, self.form.dtype)
            values = values.round().clamp(torch.iinfo(named).min, torch.iinfo(named).max).to(named)
        name = Path(str(source.meta.get("filename_or_obj", "image"))).name
        info = self.info
        origin = Provenance(
            *(info.name, info.version, info.weights_sha256), task=info.task, label=self.label, source=name
        )
        write_image(
            self.output_dir / f"{name.split('.')[0] or name}_{info.name}.{self.format}",
            values,
            affine=rescaled_affine(source.affine.cpu().numpy(), self.form.scale),
            provenance=origin,
            units="" if fixed is None else fixed.units,
        )


def _scale_of(source: MetaTensor) -> IntensityScale:
    scale = source.meta.get("intensity_scale")
    if not isinstance(scale, Mapping):
        raise InputError("The input has no 'intensity_scale' in its metadata: prepare it with ScaleForegroundd.")
    return IntensityScale.from_dict(scale)
