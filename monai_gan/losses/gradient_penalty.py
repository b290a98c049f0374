"""Penalties on a critic's gradient with respect to its input, differentiable as often as the critic is."""

from __future__ import annotations

from typing import get_args

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from monai_gan.losses.compiled_penalty import CompiledPenalty
from monai_gan.losses.critic_gradient import Critic, input_gradient, plain
from monai_gan.ops import counter_state, counter_uniform, gradient_norm_penalty, interpolate
from monai_gan.ops.counter import advance
from monai_gan.ops.gradient_norm_penalty import Kind


class GradientPenalty(nn.Module):
    """Keep the gradient of a critic with respect to its input near a target, or small.

    Let n be the Euclidean norm, over all channels and voxels of one sample, of the gradient of the critic's output for
    that sample, and E the mean over the batch. The penalties are, each times ``weight * interval``:

    - ``two_sided``: ``E[(n - target)^2]`` at random points between real and generated images (Gulrajani et al. 2017,
      equation 3);
    - ``one_sided``: ``E[max(0, n - target)^2]`` at such points (the same paper, section 4; Petzka et al. 2018);
    - ``r1``: ``E[n^2] / 2`` at real images (Mescheder et al. 2018, equation 9);
    - ``r2``: ``E[n^2] / 2`` at generated images (the same paper, equation 10).

    ``weight`` is lambda of the first two and gamma of the others. The norm is taken in float32 for half precision
    gradients, and where a gradient is zero the penalty is finite and its own gradient is zero. Outputs with several
    values per sample (patches, scales) are summed per sample, as published implementations do: ``target`` and
    ``weight`` refer to the sum.

    Add the penalty to the rest of the critic's loss before one ``backward()``. ``DistributedDataParallel`` (which needs
    ``broadcast_buffers=False``) reduces once per ``backward()``, and the penalty alone misses some parameters, such as
    the last bias::

        loss = adversarial.discriminator(critic(real), critic(fake)) + penalty(critic, real, fake)
        loss.backward()

    Args:
        kind: ``"two_sided"``, ``"one_sided"``, ``"r1"`` or ``"r2"``.
        weight: factor of the penalty, at least 0.
        target: norm that the first two kinds ask for, at least 0; the others do not use it.
        interval: add the penalty to every ``interval``-th iteration only (see ``due``); the value is multiplied by it,
            so that its mean over iterations stays the same (Karras et al. 2020, section 3.1).
        allow_batch_norm: accept critics with batch normalisation, for which a penalty per sample is not defined.
        compile: compile the penalty with its second derivative by ``torch.compile``, see
            :class:`~monai_gan.losses.compiled_penalty.CompiledPenalty`; where that fails, a warning says so once and
            the penalty goes on uncompiled. A string names the compiler's backend, ``"inductor"`` by default.

    Raises:
        ValueError: an argument is outside of its range.
    """

    def __init__(
        self,
        kind: Kind = "two_sided",
        weight: float = 10.0,
        target: float = 1.0,
        interval: int = 1,
        *,
        allow_batch_norm: bool = False,
        compile: bool | str = False,
    ) -> None:
        super().__init__()
        if kind not in get_args(Kind):
            raise ValueError(f"kind='{kind}' is not known: choose one of {', '.join(get_args(Kind))}.")
        if not weight >= 0:
            raise ValueError(f"weight={weight} would reward large gradients: give 0 or more.")
        if not target >= 0:
            raise ValueError(f"target={target} cannot be reached by a norm: give 0 or more.")
        if interval < 1:
            raise ValueError(f"interval={interval} is not possible: it counts iterations, so give 1 or more.")
        self.kind: Kind = kind
        self.weight = weight
        self.target = target
        self.interval = interval
        self.allow_batch_norm = allow_batch_norm
        self._compiled = CompiledPenalty("inductor" if compile is True else compile) if compile else None
        self._state: Tensor | None = None

    def extra_repr(self) -> str:
        return f"kind={self.kind}, weight={self.weight}, target={self.target}, interval={self.interval}"

    def due(self, iteration: int) -> bool:
        """Whether the penalty belongs to this iteration, counted from 0; true for one in ``interval``."""
        return iteration % self.interval == 0

    def forward(
        self,
        critic: Critic,
        real: Tensor,
        fake: Tensor | None = None,
        *,
        label: Tensor | None = None,
        fake_label: Tensor | None = None,
        epsilon: Tensor | None = None,
        scale: float = 1.0,
    ) -> Tensor:
        """Compute the penalty, already times weight and interval.

        Runs under whatever autocast is active. With a ``GradScaler``, pass ``scale=scaler.get_scale()``: the critic's
        output is scaled before the inner gradient is taken, so that it does not vanish in half precision, and the
        gradient is unscaled before its norm. An overflow then gives a penalty that is not finite, and the scaler skips
        the step. The images get no gradient.

        Args:
            critic: called as ``critic(image)``, or ``critic(image, label)`` when a label is given; returns (N,),
                (N, 1), patches (N, 1, *S), or a list of such tensors.
            real: real images (N, C, *S); not used by ``r2``.
            fake: generated images (N, C, *S); not used by ``r1``.
            label: condition of the real images, (N,) classes or (N, ...) values.
            fake_label: condition of the generated images, if it is not ``label``. Pairs of unequal condition are left
                out of the mean, because a point between them has no condition (the comparison waits for the GPU).
            epsilon: share of the real image in each random point, (N,). By default drawn uniformly from [0, 1) by a
                counter-based generator on the device, which takes its seed from torch's global generator at the first
                call; pass weights of your own to resume a training exactly. Not used by ``r1`` and ``r2``.
            scale: factor on the critic's output during the inner gradient.

        Returns:
            A scalar, float32 or the type of the images if that is wider, differentiable with respect to the critic's
            parameters unless gradients are disabled.

        Raises:
            ValueError: the critic contains batch normalisation, an argument is missing or has a wrong shape, or no pair
                has equal conditions.
            RuntimeError: the critic's gradient does not depend on its parameters because an operation in it cannot be
                differentiated twice.
        """
        if not self.allow_batch_norm:
            _refuse_batch_norm(critic)
        if not scale > 0:
            raise ValueError(f"scale={scale} cannot be undone: pass GradScaler.get_scale(), or 1 without a scaler.")
        points, condition = self._points(real, fake, label, fake_label, epsilon)
        differentiable = torch.is_grad_enabled()
        if self._compiled is not None and differentiable and scale == 1.0:
            value = self._compiled(critic, points, condition, self._penalty)
            if value is not None:
                return value
        gradient = input_gradient(critic, points, condition, scale=scale, create_graph=differentiable)
        if differentiable and not gradient.requires_grad and _is_trained(critic):
            raise RuntimeError(
                "GradientPenalty: the gradient of the critic carries no graph to its parameters, so the penalty would "
                "train nothing; an operation in the critic cannot be differentiated twice, replace it."
            )
        return self._penalty(gradient)

    def _points(
        self, real: Tensor, fake: Tensor | None, label: Tensor | None, fake_label: Tensor | None, epsilon: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Choose where the gradient is taken, and under which condition."""
        if self.kind == "r1":
            return _images(real, "real"), label
        if fake is None:
            raise ValueError(f"fake=None is not enough for kind='{self.kind}': pass the generated images.")
        if self.kind == "r2":
            return _images(fake, "fake"), label if fake_label is None else fake_label
        real, fake = _images(real, "real"), _images(fake, "fake")
        if real.shape != fake.shape:
            raise ValueError(
                f"real {tuple(real.shape)} and fake {tuple(fake.shape)} have no points between them: "
                "use batches of one shape."
            )
        dtype = torch.promote_types(real.dtype, fake.dtype)
        real, fake = real.to(dtype), fake.to(dtype)
        if epsilon is not None:
            if epsilon.shape != real.shape[:1]:
                raise ValueError(
                    f"epsilon has shape {tuple(epsilon.shape)}: give one weight per sample, shape ({real.shape[0]},)."
                )
            epsilon = plain(epsilon).to(real)
        if fake_label is not None and fake_label is not label:
            if label is None:
                raise ValueError("fake_label is given without label: pass the condition of the real images as label.")
            keep = _equal_conditions(label, fake_label)
            if len(keep) < len(label):
                # Drawn for all pairs, so that the weights of the others do not depend on the conditions.
                epsilon = self._draw(real) if epsilon is None else epsilon
                real, fake, epsilon, label = real[keep], fake[keep], epsilon[keep], label[keep]
        if epsilon is None:
            return interpolate(real, fake, state=self._random_state(real.device)), label
        return interpolate(real, fake, epsilon), label

    def _random_state(self, device: torch.device) -> Tensor:
        if self._state is None:
            self._state = counter_state(int(torch.randint(2**63 - 1, ())), device)
        self._state = self._state.to(device)
        return self._state

    def _draw(self, real: Tensor) -> Tensor:
        """One weight per sample, and the state one step further."""
        state = self._random_state(real.device)
        weights = counter_uniform(state, real.shape[0]).to(real.dtype)
        advance(state)
        return weights

    def _penalty(self, gradient: Tensor) -> Tensor:
        return gradient_norm_penalty(gradient, kind=self.kind, weight=self.weight * self.interval, target=self.target)


def _images(batch: Tensor, name: str) -> Tensor:
    if batch.shape[0] == 0:
        raise ValueError(f"{name} holds no image, and the mean of nothing is no penalty: use a batch of at least one.")
    return plain(batch).detach()


def _is_trained(critic: Critic) -> bool:
    return isinstance(critic, nn.Module) and any(parameter.requires_grad for parameter in critic.parameters())


def _refuse_batch_norm(critic: Critic) -> None:
    # The name is given as the user knows it, without the prefix of a wrapper.
    if isinstance(critic, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        critic = critic.module
    if not isinstance(critic, nn.Module):
        return
    for name, module in critic.named_modules():
        if isinstance(module, _BatchNorm):
            raise ValueError(
                f"GradientPenalty: critic contains {type(module).__name__} ('{name.removeprefix('_orig_mod.')}'), "
                "which couples samples, so a penalty per sample is undefined. Use instance, layer or spectral norm, "
                "or pass allow_batch_norm=True."
            )


def _equal_conditions(label: Tensor, fake_label: Tensor) -> Tensor:
    """Find the pairs of equal condition, as indices; values of one condition (N, ...) have to be equal altogether."""
    if label.shape != fake_label.shape:
        raise ValueError(
            f"label {tuple(label.shape)} and fake_label {tuple(fake_label.shape)} cannot be compared: "
            "give conditions of one shape."
        )
    keep = (plain(label) == plain(fake_label)).reshape(len(label), -1).all(1).nonzero().squeeze(1)
    if len(keep) == 0:
        raise ValueError(
            "label and fake_label agree for no pair, so there is no point to penalise: generate the fake images from "
            "the conditions of the real ones."
        )
    return keep
