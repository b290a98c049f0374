"""The perceptual loss in place of MONAI's: distances between features of frozen, published networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from monai_gan.errors import InputError
from monai_gan.losses.perceptual.chunks import ChunkSize, Target, chunked
from monai_gan.losses.perceptual.features import frozen_features
from monai_gan.losses.perceptual.networks import NETWORKS
from monai_gan.losses.perceptual.slices import Slices, batches, draw_slices
from monai_gan.losses.perceptual.volumes import channel_distances, channel_maps, check_medicalnet, standardised
from monai_gan.losses.perceptual.weights import Source, load_heads, load_network
from monai_gan.ops import perceptual_distance


@dataclass(frozen=True)
class TargetFeatures:
    """What :meth:`PerceptualLoss.target_features` has kept of targets, to be given in their place.

    Attributes:
        network_type: the network that made them.
        shape: of the targets, (N, C, *S).
        slices: the slices that were drawn from volumes; None for images and real 3-D.
        maps: feature maps (M, C', *S') per layer, for each batch of images of one shape.
    """

    network_type: str
    shape: tuple[int, ...]
    slices: list[Slices] | None
    maps: list[list[Tensor]]


class PerceptualLoss(nn.Module):
    """Distance between images or volumes as a published network sees them, in place of MONAI's ``PerceptualLoss``.

    All arguments of MONAI's class are here with their meaning, and for the same weights so are the values, to 1e-5.
    Nothing is ever downloaded. The types:

    - ``"alex"``, ``"vgg"``, ``"squeeze"``: LPIPS (Zhang et al. 2018), for values in [-1, 1];
    - ``"radimagenet_resnet50"`` (Mei et al. 2022) and ``"resnet50"``: the last feature map, for values in [0, 1];
    - ``"medicalnet_resnet10_23datasets"``, ``"medicalnet_resnet50_23datasets"`` (Chen et al. 2019): volumes, each
      channel by itself, standardised over the whole batch;
    - ``"efficientnet_lite1"``: stages of a network for ImageNet (Tan and Le 2019) without learned weightings, for
      values in [-1, 1]; its weights come with the extra ``perceptual``. Metrics use another one, EfficientNet-Lite0,
      so that a figure of merit is never also what was trained for.

    The network is frozen: gradients go to the input, and to the target if it asks for one. Its weights follow ``to()``
    but are no parameters and in no state dict, so that checkpoints do not grow by them. First derivatives only, unless
    ``memory_budget=None`` and plain torch serves the distance.

    Args:
        spatial_dims: 2 or 3.
        network_type: see above.
        is_fake_3d: for volumes, sum the mean distances of slices along the three axes, by a network of images.
        fake_3d_ratio: share of the slices of an axis that is looked at, in (0, 1]; one at the least. They are drawn
            anew in each call. Axes whose slices are too small for the network are left out, and the others count more.
        cache_dir: where weights are looked for, as torch and MONAI leave them after a download; torch's hub folder by
            default. Nothing is written, and no global setting is changed.
        pretrained: False builds any type with random weights, the same in each process and each run.
        pretrained_path: MONAI's name of ``weights``; not used if ``pretrained`` is False.
        pretrained_state_dict_key: where the state dict is inside of the weights.
        channel_wise: return a loss per channel; MedicalNet's types only.
        weights: the published state dict of the network, as a path or in memory.
        head_weights: for LPIPS, the learned weights of its features, likewise; by default those in ``weights``, if that
            is the state dict of a whole LPIPS module, or those of the package ``lpips``, if it is installed.
        seed: of the slices; None draws them from torch's global generator, as MONAI does.
        memory_budget: MiB of activations that may be kept at a time. More images than fit are computed in chunks, with
            their gradients, in the forward pass, if gradients are enabled; slices of volumes in two chunks at
            least. None computes all at once. Channel-wise losses are not split.

    Raises:
        NotImplementedError: if ``spatial_dims`` is neither 2 nor 3.
        InputError: if an argument is unknown, outside of its range, or does not go with another.
        WeightsError: if weights are missing, damaged, or belong to another network.
        MissingExtraError: if ``efficientnet_lite1`` is asked for without the extra ``perceptual``.

    Example:
        >>> loss = PerceptualLoss(2, "squeeze", pretrained=False)
        >>> image = torch.zeros(1, 1, 32, 32)
        >>> float(loss(image, image))
        0.0
    """

    def __init__(
        self,
        spatial_dims: int,
        network_type: str = "alex",
        is_fake_3d: bool = True,
        fake_3d_ratio: float = 0.5,
        cache_dir: str | None = None,
        pretrained: bool = True,
        pretrained_path: str | None = None,
        pretrained_state_dict_key: str | None = None,
        channel_wise: bool = False,
        *,
        weights: Source | None = None,
        head_weights: Source | None = None,
        seed: int | None = None,
        memory_budget: float | None = 64,
    ) -> None:
        super().__init__()
        if spatial_dims not in (2, 3):
            raise NotImplementedError(f"spatial_dims={spatial_dims} is not possible: give 2 or 3.")
        network_type = network_type.lower()
        if network_type not in NETWORKS:
            raise InputError(f"network_type='{network_type}' is unknown: choose one of {', '.join(NETWORKS)}.")
        known = NETWORKS[network_type]
        volumes = spatial_dims == 3 and not is_fake_3d
        check_medicalnet(network_type, known.spatial_dims == 3, spatial_dims, volumes, channel_wise)
        if not 0 < fake_3d_ratio <= 1:
            raise InputError(f"fake_3d_ratio={fake_3d_ratio} is no share of the slices: give more than 0, at most 1.")
        if memory_budget is not None and not memory_budget > 0:
            raise InputError(f"memory_budget={memory_budget} holds nothing: give MiB, or None for no limit.")
        if not pretrained and not (weights is None and head_weights is None):
            raise InputError("pretrained=False builds random weights, yet weights were given: leave one of them out.")
        if head_weights is not None and not known.heads:
            raise InputError(f"head_weights= belong to LPIPS, not to network_type='{network_type}': leave them out.")
        self.spatial_dims, self.network_type = spatial_dims, network_type
        self.is_fake_3d, self.fake_3d_ratio = is_fake_3d, fake_3d_ratio
        self.channel_wise, self.seed = channel_wise, seed
        self._generator = None if seed is None else torch.Generator().manual_seed(seed)

        # One seed, because random weights are in no checkpoint: they have to be the same when training goes on.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = known.build()
            heads = [torch.rand(channels) / channels for channels in known.heads]
        if pretrained:
            source = pretrained_path if weights is None else weights
            found = load_network(network, network_type, known, source, cache_dir, pretrained_state_dict_key)
            heads = load_heads(network_type, known, head_weights, found) if known.heads else []
        self.minimum = int(network.minimum)  # type: ignore[arg-type]
        self.network = frozen_features(network, known)
        self._heads = len(heads)
        for number, head in enumerate(heads):
            self.register_buffer(f"head{number}", head, persistent=False)
        self._chunk = ChunkSize(self.network, None if memory_budget is None else memory_budget * 2**20)

    def extra_repr(self) -> str:
        return f"spatial_dims={self.spatial_dims}, network_type={self.network_type}, is_fake_3d={self.is_fake_3d}"

    def forward(
        self, input: Tensor, target: Tensor | TargetFeatures, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Compute the loss.

        Args:
            input: (N, C, *S) with 1 or 3 channels, any number for MedicalNet; values as the network wants them.
            target: of the same shape, or what :meth:`target_features` made of it.
            generator: of the slices, on the CPU, instead of ``seed``.

        Returns:
            A scalar, or (C,) if ``channel_wise``, in float32 or the type of the module if that is wider.

        Raises:
            ValueError: if shapes do not fit to each other, to the network or to ``spatial_dims``.
        """
        self._check(input, "input")
        if tuple(target.shape) != tuple(input.shape):
            raise ValueError(
                f"target has shape {tuple(target.shape)} and input {tuple(input.shape)}; give two batches of one shape."
            )
        kept = target if isinstance(target, TargetFeatures) else None
        if kept is not None and kept.network_type != self.network_type:
            raise ValueError(
                f"target holds features of network_type='{kept.network_type}', and this loss looks through "
                f"'{self.network_type}'; make them by target_features() of this loss."
            )
        slices = kept.slices if kept is not None else self._draw(input, generator)
        images = self._images(input, slices)
        targets: Sequence[Target] = kept.maps if kept is not None else self._images(target, slices)  # type: ignore[arg-type]
        if self.channel_wise:
            return channel_distances(self._maps(images[0]), self._target_maps(targets[0]), input.shape[1]).mean(0)
        means = []
        groups = batches(slices, input) if slices else [[]]
        for group, batch, theirs in zip(groups, images, targets, strict=True):
            distances = chunked(self._distance, batch, theirs, self._size(batch))
            means += [one.mean() for one in distances.split([len(one.place) for one in group] or len(batch))]
        # MONAI's sum over three axes, also where fewer can be seen.
        return torch.stack(means).mean() * (3 if slices else 1)

    def target_features(self, target: Tensor, *, generator: torch.Generator | None = None) -> TargetFeatures:
        """Features of targets that come again, to be given to :meth:`forward` in their place.

        For fake 3-D the slices are drawn here, and used whenever the features are. No gradient goes to the targets.

        Args:
            target: (N, C, *S), as for :meth:`forward`.
            generator: of the slices, on the CPU, instead of ``seed``.

        Raises:
            ValueError: if the shape does not fit to the network or to ``spatial_dims``.
        """
        self._check(target, "target")
        slices = self._draw(target, generator)
        with torch.no_grad():
            maps = [self._maps_in_chunks(batch) for batch in self._images(target, slices)]
        return TargetFeatures(self.network_type, tuple(target.shape), slices, maps)

    @property
    def network_dims(self) -> int:
        """2 or 3: what the network sees."""
        return NETWORKS[self.network_type].spatial_dims

    def _check(self, x: Tensor, name: str) -> None:
        if x.ndim != self.spatial_dims + 2 or 0 in x.shape:
            raise ValueError(
                f"{name} has shape {tuple(x.shape)}, and spatial_dims={self.spatial_dims} wants (N, C, "
                f"{'H, W' if self.spatial_dims == 2 else 'D, H, W'}) with at least one of each."
            )
        if self.network_dims == 2 and x.shape[1] not in (1, 3):
            raise ValueError(
                f"{name} has {x.shape[1]} channels, and network_type='{self.network_type}' sees grey or colour images: "
                "give 1 or 3, for instance each channel by itself."
            )
        if self.spatial_dims == 2 and min(x.shape[2:]) < self.minimum:
            raise ValueError(
                f"{name} has shape {tuple(x.shape)}, and network_type='{self.network_type}' cannot see sides shorter "
                f"than {self.minimum}: give larger images or another network_type."
            )

    def _draw(self, x: Tensor, generator: torch.Generator | None) -> list[Slices] | None:
        if self.spatial_dims == 2 or self.network_dims == 3:
            return None
        return draw_slices(x.shape, self.fake_3d_ratio, self.minimum, x.device, generator or self._generator)

    def _images(self, x: Tensor, slices: list[Slices] | None) -> list[Tensor]:
        """Batches that the network sees, each of one shape."""
        x = x.to(self._dtype)
        if slices is not None:
            return [torch.cat([one.of(x) for one in group]) for group in batches(slices, x)]
        return [standardised(x) if self.network_dims == 3 else x]

    def _size(self, images: Tensor) -> int:
        """How many images are computed at a time; of slices half at most, as larger batches gain them nothing."""
        shape = images.shape[1:] if self.network_dims == 2 else (1, *images.shape[2:])
        return self._chunk(shape, len(images), 2 if self.spatial_dims > self.network_dims else 1)

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.network.buffers()).dtype

    def _maps(self, images: Tensor) -> list[Tensor]:
        return channel_maps(self.network, images) if self.network_dims == 3 else self.network(images)

    def _maps_in_chunks(self, images: Tensor) -> list[Tensor]:
        size = self._size(images)
        chunks = [self._maps(images[start : start + size]) for start in range(0, len(images), size)]
        return [torch.cat(maps) for maps in zip(*chunks, strict=True)]

    def _target_maps(self, target: Target) -> Sequence[Tensor]:
        if not isinstance(target, Tensor):
            return target
        with torch.set_grad_enabled(target.requires_grad and torch.is_grad_enabled()):
            return self._maps(target)

    def _distance(self, images: Tensor, target: Target) -> Tensor:
        """Distances (N,); the target first, so that its activations are gone before those of the images come."""
        theirs = self._target_maps(target)
        heads = [getattr(self, f"head{number}") for number in range(self._heads)] or None
        return perceptual_distance(self._maps(images), theirs, heads) / NETWORKS[self.network_type].layers
