"""Sample images from a synthesis bundle, the same ones for the same seed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from monai_gan.apps.arguments import check_count, check_seed, check_start, check_truncation, choose_classes
from monai_gan.apps.directions import find_shift, shown_directions
from monai_gan.apps.jobs import CancelCheck, ProgressCallback, Reporter
from monai_gan.apps.memory import memory_error
from monai_gan.errors import GPUMemoryError, InputError, InvalidResultError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from monai_gan.bundle import BundleInfo
    from monai_gan.data import IntensityScale

#: Convolutions round differently for different batch sizes, so the CPU always works in chunks of one size whose places
#: are tied to the sample's index. Four are as fast per 2-D image as sixteen; a volume keeps the cores busy alone.
CPU_CHUNK = {2: 4, 3: 1}
_GPU_BATCH = {2: 32, 3: 1}
#: Of a direction in a traversal, in standard deviations of the styles along it.
REACH = 4.0


class Synthesizer:
    """A generator with everything that turns its output into images.

    Args:
        info: the bundle.
        network: its network, ``forward(image, label=None)`` with latents (N, Z) as ``image`` and images in [-1, 1] out.
        device: where the network lies.

    Attributes:
        info: the bundle.
        spatial_dims: 2 or 3.
        latent_size: length Z of a latent.
        labels: names of the classes; empty when the model is unconditional.
        codes: `monai_gan.networks.blocks.LatentCodes` of a model with codes (InfoGAN), else None.
    """

    def __init__(self, info: BundleInfo, network: nn.Module, device: torch.device) -> None:
        self.info = info
        self.device = device
        self.network = network.to(device).eval().requires_grad_(False)
        self.spatial_dims = info.spatial_dims
        self.latent_size = _latent_size(info, network)
        self.labels = tuple(str(label) for label in info.extra.get("labels") or ())
        self.codes: Any = getattr(network, "codes", None)
        self.scale = intensity_scale(info)

    def latents(self, n: int, seed: int, start: int = 0) -> Tensor:
        """Latents of samples ``start .. start + n - 1``, drawn on the CPU; each depends on (seed, index) only.

        Args:
            n: number of latents, at least 1.
            seed: 0 .. 2**63 - 1.
            start: index of the first.

        Returns:
            Latents (n, Z), float32, on the CPU.
        """
        from monai_gan.data import seeded_latents

        check_count("n", n)
        check_seed(seed)
        check_start(start)
        return seeded_latents(n, self.latent_size, seed, start)

    def sample(
        self,
        n: int = 1,
        seed: int = 0,
        *,
        label: int | str | Sequence[int | str] | None = None,
        truncation: float = 1.0,
        direction: str | int | None = None,
        strength: float = 1.0,
        batch_size: int | None = None,
        start: int = 0,
        progress: ProgressCallback | None = None,
        cancel: CancelCheck | None = None,
    ) -> Tensor:
        """Draw images.

        Sample i is the same whatever ``n`` and ``batch_size``: bit for bit on one CPU, to rounding between devices.

        Args:
            n: number of images, at least 1.
            seed: 0 .. 2**63 - 1.
            label: class of all images, or one per image, by number or name; only for conditional bundles, which take
                all classes in turn without it: sample i is then of class i modulo their number.
            truncation: factor of the latents, or of the distance of styles from their mean, above 0, at most 1; below
                1 gives more typical, less varied images.
            direction: in which all styles are shifted, by its name in the bundle's metadata or by its number, see
                `monai_gan.networks.style_directions`; only for bundles with styles.
            strength: of the shift, in standard deviations of the styles along the direction; may be negative.
            batch_size: images computed at once on a GPU, halved when memory runs out; the CPU keeps to its own chunks.
            start: index of the first sample of the series.
            progress: told after each batch.
            cancel: asked after each batch.

        Returns:
            Images (n, C, *S), float32, on the CPU, in the bundle's image units.

        Raises:
            InputError: an argument is out of range or not for this bundle.
            InvalidResultError: an image is not finite or constant.
            GPUMemoryError: even one image does not fit on the GPU.
            HostMemoryError: the computer ran out of memory.
            Cancelled: ``cancel`` answered True.
        """
        import torch

        options: dict[str, Any] = {"label": label, "truncation": truncation, "batch_size": batch_size, "start": start}
        options |= {"direction": direction, "strength": strength}
        reporter = Reporter(n, progress, cancel, phase="sampling")
        parts: list[Tensor] = []
        for images in self.batches(n, seed, **options):
            parts.append(images)
            reporter.advance(len(images))
        with _memory_errors():
            return torch.cat(parts)

    def batches(
        self,
        n: int,
        seed: int = 0,
        *,
        label: int | str | Sequence[int | str] | None = None,
        truncation: float = 1.0,
        direction: str | int | None = None,
        strength: float = 1.0,
        batch_size: int | None = None,
        start: int = 0,
    ) -> Iterator[Tensor]:
        """As `sample`, but a few images at a time, so that many volumes need the memory of one.

        The arguments are checked at the call, before the first batch is asked for.

        Returns:
            Iterator over images (k, C, *S), float32, on the CPU, in image units; the k add up to ``n``.
        """
        check_count("n", n)
        check_seed(seed)
        check_start(start)
        check_truncation(self.info, truncation)
        if batch_size is not None:
            check_count("batch_size", batch_size)
        classes = choose_classes(self.info, label, n, start)
        options: dict[str, Any] = {"truncation": truncation}
        if direction is not None:
            options["shift"] = find_shift(self.info, self.network, direction, strength).to(self.device)
        return self._batches(n, seed, classes, options, batch_size, start)

    def _batches(
        self, n: int, seed: int, classes: list[int] | None, options: dict[str, Any], batch_size: int | None, start: int
    ) -> Iterator[Tensor]:
        on_cpu = self.device.type == "cpu"
        size = CPU_CHUNK[self.spatial_dims] if on_cpu else batch_size or _GPU_BATCH[self.spatial_dims]
        index, end = start, start + n
        while index < end:
            # A CPU chunk begins at a multiple of its size and is computed whole; what was not asked for is dropped.
            first = index - index % size if on_cpu else index
            last = first + size if on_cpu else min(index + size, end)
            stop = min(last, end)
            indices = range(first, last)
            wanted = None if classes is None else [classes[min(max(i - start, 0), n - 1)] for i in indices]
            try:
                images: Tensor | None = self._run(indices, seed, wanted, options)[index - first : stop - first]
            except GPUMemoryError:
                if last - index == 1:
                    raise
                images = None
            if images is None:  # outside of the except clause, whose traceback keeps the tensors that did not fit
                size = self._halve(last - index)
                continue
            yield self.scale.to_image(self._checked(images, index))
            index = stop

    def _halve(self, size: int) -> int:
        import torch

        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        size = max(1, size // 2)
        warnings.warn(f"The GPU ran out of memory; going on with batch_size={size}.", RuntimeWarning, stacklevel=1)
        return size

    def traversal(
        self,
        n: int = 2,
        seed: int = 0,
        steps: int = 9,
        *,
        label: int | str | Sequence[int | str] | None = None,
        direction: str | int | None = None,
        truncation: float = 1.0,
    ) -> tuple[Tensor, int]:
        """Show what the codes (InfoGAN) or the directions (StyleGAN2) of a model do: a row of images for each of them
        and each sample.

        In a row one code alone changes: a category through all its values, a continuous code from -0.95 to 0.95; or all
        styles are shifted along one direction, by -4 to 4 standard deviations. Rows that are shorter than others end in
        black images.

        Args:
            n: samples that are varied, the first of the series.
            seed: of the series.
            steps: values of a continuous code, or shifts along a direction.
            label: as in `sample`; a sample keeps its class along its rows.
            direction: name or number of the only one that is shown; by default all that the bundle's metadata names, or
                the first four.
            truncation: as in `sample`; for directions.

        Returns:
            Images (N, C, *S), float32, on the CPU, in the bundle's image units, row by row, and the number of columns.

        Raises:
            InputError: the bundle has neither codes nor styles or an argument is out of range.
            InvalidResultError: an image is not finite or constant.
        """
        from monai_gan.data.grid import fill_rows

        check_count("n", n)
        check_count("steps", steps)
        check_truncation(self.info, truncation)
        classes = choose_classes(self.info, label, n)
        blocks = [
            self._checked(block.flatten(0, 1), 0).unflatten(0, block.shape[:2])
            for block in self._rows(self.latents(n, seed), classes, steps, direction, truncation)
        ]
        images, columns = fill_rows(blocks)
        return self.scale.to_image(images), columns

    def traversed(self, direction: str | int | None = None) -> list[str]:
        """The names of what `traversal` shows, in its order."""
        if self.codes is not None:
            return list(self.codes.names)
        return [str(one) for one in shown_directions(self.info, self.network, direction)]

    def _rows(
        self, latents: Tensor, classes: list[int] | None, steps: int, direction: str | int | None, truncation: float
    ) -> Iterator[Tensor]:
        """Blocks (rows, columns, C, *S) of one code or one direction."""
        import torch

        if self.codes is not None:
            if direction is not None:
                find_shift(self.info, self.network, direction, 1.0)  # refuses: codes are no styles
            for row in self.codes.traverse(latents, steps):
                yield self._in_parts(row.flatten(0, 1), None, {}).unflatten(0, row.shape[:2])
        elif getattr(self.network, "has_styles", False):
            for one in shown_directions(self.info, self.network, direction):
                shift = find_shift(self.info, self.network, one, 1.0).to(self.device)
                strengths = torch.linspace(-REACH, REACH, steps).tolist()
                options = [{"truncation": truncation, "shift": strength * shift} for strength in strengths]
                yield torch.stack([self._in_parts(latents, classes, each) for each in options], 1)
        else:
            raise InputError(
                f"Bundle {self.info.name!r} has neither codes nor styles that could be traversed: choose an InfoGAN or "
                "a StyleGAN2."
            )

    def _in_parts(self, latents: Tensor, classes: list[int] | None, options: dict[str, Any]) -> Tensor:
        """Images of latents, a few at a time."""
        import torch

        size = (CPU_CHUNK if self.device.type == "cpu" else _GPU_BATCH)[self.spatial_dims]
        parts = range(0, len(latents), size)
        return torch.cat(
            [
                self._forward(latents[i : i + size], None if classes is None else classes[i : i + size], options)
                for i in parts
            ]
        )

    def _run(self, indices: range, seed: int, classes: list[int] | None, options: dict[str, Any]) -> Tensor:
        latents = self.latents(len(indices), seed, indices.start)
        # A network with styles brings latents to one length, so that it has to truncate by itself.
        if not getattr(self.network, "has_styles", False):
            latents, options = latents.mul_(options["truncation"]), {}
        return self._forward(latents, classes, options)

    def _forward(self, latents: Tensor, classes: list[int] | None, options: dict[str, Any]) -> Tensor:
        import torch

        # TensorFloat-32 would make a GPU's images differ visibly from a CPU's.
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with _memory_errors(), torch.inference_mode(), exact:
            labels = () if classes is None else (torch.tensor(classes, dtype=torch.long, device=self.device),)
            images = self.network(latents.to(self.device), *labels, **options)
            images = images.float().cpu()
        # Cloned outside of inference mode: users may want to differentiate what they do with the images.
        return images.clone()

    def _checked(self, images: Tensor, first: int) -> Tensor:
        """The images within [-1, 1], as those were that the network learnt from; refused when they cannot be images."""
        name = self.info.name
        if images.ndim != self.spatial_dims + 2:
            raise InvalidResultError(
                f"Bundle {name!r} gave an array of shape {tuple(images.shape)} where (N, C, *S) with "
                f"{self.spatial_dims} spatial dimensions was declared: its network_def and metadata.json disagree."
            )
        clipped = images.clamp(-1, 1)
        for offset, (image, shown) in enumerate(zip(images, clipped, strict=True)):
            if not image.isfinite().all():
                problem = "values that are not finite"
            elif image.numel() > 1 and shown.min() == shown.max():
                problem = "the same value everywhere"
            else:
                continue
            raise InvalidResultError(
                f"Sample {first + offset} of bundle {name!r} has {problem}: its weights are of no use; train it again."
            )
        return clipped


def intensity_scale(info: BundleInfo) -> IntensityScale:
    """The map from a network's [-1, 1] to the bundle's image units.

    Raises:
        InputError: when the metadata does not tell it.
    """
    from monai_gan.data import IntensityScale

    intensity = info.extra.get("intensity")
    if not isinstance(intensity, Mapping):
        raise InputError(
            f"Bundle {info.name!r} tells no intensity range: add monai_gan.intensity to its metadata.json."
        )
    return IntensityScale.from_dict(intensity)


def _latent_size(info: BundleInfo, network: nn.Module) -> int:
    declared = info.metadata.get("network_data_format", {}).get("inputs", {}).get("image", {}).get("num_channels")
    size = getattr(network, "latent_size", declared)
    if not isinstance(size, int) or size < 1:
        raise InputError(f"Bundle {info.name!r} tells no latent size: set num_channels of its input 'image'.")
    return size


@contextmanager
def _memory_errors() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        translated = memory_error(error)
        if translated is None:
            raise
        raise translated from error
