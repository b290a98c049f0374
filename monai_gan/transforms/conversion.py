"""An image of a pipeline becomes what a bundle or a network from image to image makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from monai.data.meta_tensor import MetaTensor
from monai.inferers import Inferer, SimpleInferer
from torch import Tensor, nn

from monai_gan.data.geometry import rescaled_affine
from monai_gan.data.provenance import Provenance
from monai_gan.data.scaling import IntensityScale
from monai_gan.errors import InputError, InvalidResultError
from monai_gan.transforms.opening import Model, PerProcess, open_bundle, place, settle, usable_device

Task = Literal["translation", "enhancement"]


class ImageConversion:
    """The result of a model for one image, on the grid of the image or a finer one of the same box.

    A bundle is found at once but loaded with the first image, once per process, and used as ``monai_gan.apps.load``
    gives it: it brings the image to its own orientation, scale and spacing, and back, and warns of images that it does
    not know. A network gets the image as it is, in [-1, 1]. In a forked process only the CPU is used.

    Args:
        model: name or path of a bundle; or a network from images (1, C, *S) in [-1, 1] to images (1, C', *S') in
            [-1, 1], which is copied as it is now.
        task: what the bundle is for.
        label: direction by number or name, for a bundle that has several.
        inferer: how a network is run over an image; default: over the whole image at once. A bundle knows that itself.
        value_range: values that the lower and upper bound of the bundle's image units, or a network's -1 and 1, have
            in the pipeline; default: the bundle's image units, or -1 and 1.
        device: "cpu", "cuda", "cuda:1" or "mps".
        trust: allow a bundle whose configuration runs code from outside monai_gan, MONAI and torch.

    Raises:
        InputError: the bundle is not found, an inferer is given for it, or a label for a network.
    """

    def __init__(
        self,
        model: Model,
        task: Task,
        *,
        label: int | str | None = None,
        inferer: Inferer | None = None,
        value_range: Sequence[float] | None = None,
        device: str = "cpu",
        trust: bool = False,
    ) -> None:
        if inferer is not None and not isinstance(model, nn.Module):
            raise InputError(f"inferer={inferer} is for a network: the bundle {model} says itself how it is run.")
        if label is not None and isinstance(model, nn.Module):
            raise InputError(f"label={label!r} is for a bundle: give a network of one direction.")
        self.model = settle(model)
        self.task = task
        self.label = label
        self.inferer = inferer or SimpleInferer()
        self.range = None if value_range is None else IntensityScale(float(value_range[0]), float(value_range[1]))
        self.device = device
        self.trust = trust
        self._process = PerProcess(_Process)

    def __call__(self, image: Any) -> MetaTensor:
        """Convert.

        Args:
            image: (C, *S), tensor or array; without an affine its voxels are taken for 1 mm.

        Returns:
            (C', *S'), on the CPU, with the metadata of ``image`` and its trace; ``meta`` has ``synthetic`` (True) and
            ``provenance`` (JSON, see :class:`~monai_gan.data.Provenance`), and the affine fits the grid.

        Raises:
            InputError: the image is not for this model, or the grid of the result does not fit that of the image.
            WeightsError: weights missing, altered or unsafe.
            InvalidResultError: the result is not finite or, of a bundle, constant.
        """
        given = image if isinstance(image, MetaTensor) else MetaTensor(torch.as_tensor(image))
        with self._process.mine() as process:
            if process.convert is None:
                process.convert = self._open()
            values, origin = process.convert(given)
        factors = grid_factors(given.shape[1:], values.shape[1:])
        meta = {**given.meta, "synthetic": True, "provenance": origin}
        # A list of its own: transforms that are undone take their entry out of it.
        result = MetaTensor(values, meta=meta, applied_operations=list(given.applied_operations))
        result.affine = torch.from_numpy(rescaled_affine(given.affine.numpy(), factors))
        return result

    def _open(self) -> _Convert:
        device = usable_device(self.device)
        if isinstance(self.model, nn.Module):
            return _Network(self.model, device, self.task, self.inferer, self.range)
        return _Bundle(open_bundle(self.model, self.task, device, self.trust), self.label, self.range)


def grid_factors(size: Sequence[int], finer: Sequence[int]) -> tuple[int, ...]:
    """Voxels that each voxel becomes, per axis.

    Raises:
        InputError: they are no whole numbers.
    """
    if len(size) != len(finer) or any(more % few for few, more in zip(size, finer, strict=True)):
        raise InputError(
            f"The result has {tuple(finer)} voxels for an image of {tuple(size)}: each axis must become a whole number "
            "of times as long. Pad the image before, or give an inferer that pads and cuts."
        )
    return tuple(more // few for few, more in zip(size, finer, strict=True))


#: From an image to the result's values and its provenance.
_Convert = Callable[[MetaTensor], tuple[Tensor, str]]


@dataclass
class _Process:
    """What one process has opened."""

    convert: _Convert | None = None


class _Bundle:
    """A bundle's ``Translator`` or ``Enhancer`` in the units of the pipeline."""

    def __init__(self, model: Any, label: int | str | None, wanted: IntensityScale | None) -> None:
        self.model = model
        self.label = label
        self.wanted = wanted
        scale = model.form.input_scale
        # A bundle that finds the scale in the image itself takes whatever units there are.
        self.input = scale if isinstance(scale, IntensityScale) else None
        self.output = model.form.output_scale or self.input

    def __call__(self, image: MetaTensor) -> tuple[Tensor, str]:
        if self.wanted and self.input:
            image = MetaTensor(_moved(image.as_tensor(), self.wanted, self.input), meta=image.meta)
        result = self.model(image, label=self.label)
        values = result.as_tensor()
        if self.wanted and self.output:
            values = _moved(values, self.output, self.wanted)
        return values, result.meta["provenance"]


def _moved(values: Tensor, given: IntensityScale, wanted: IntensityScale) -> Tensor:
    """Bring values from one range to another; not clipped: fine structures can be brighter than any input voxel."""
    factor = (wanted.maximum - wanted.minimum) / (given.maximum - given.minimum)
    return values.float().sub(given.minimum).mul_(factor).add_(wanted.minimum)


class _Network:
    """A network without a bundle."""

    def __init__(
        self, network: nn.Module, device: str, task: Task, inferer: Inferer, wanted: IntensityScale | None
    ) -> None:
        self.network = place(network, device)
        self.device = device
        self.task = task
        self.inferer = inferer
        self.scale = wanted or IntensityScale(-1.0, 1.0)

    def __call__(self, image: MetaTensor) -> tuple[Tensor, str]:
        scaled = self.scale.to_model(image.as_tensor())[None].to(self.device)
        with torch.inference_mode():
            result: Any = self.inferer(scaled, self.network)
        name = type(self.network).__name__
        # Cloned: what comes of inference mode cannot take part in a later training step.
        values = result[0].float().cpu().clone()
        if not values.isfinite().all():
            raise InvalidResultError(f"The result of {name} is not finite: its weights are of no use.")
        file = image.meta.get("filename_or_obj")
        origin = Provenance(name, "0.0.0", task=self.task, source=Path(str(file)).name if file else None)
        # As bundles do: a translation's range is fixed, an enhanced image may exceed its input's.
        values = values.clamp(-1.0, 1.0) if self.task == "translation" else values
        return self.scale.to_image(values), origin.to_json()
