"""The gradient of a critic with respect to its input, which penalties are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from monai_gan.ops import input_gradient_only

Critic = Callable[..., Tensor | Sequence[Tensor]]


def input_gradient(
    critic: Critic, image: Tensor, label: Tensor | None = None, *, scale: float = 1.0, create_graph: bool = True
) -> Tensor:
    """Differentiate the critic's output for each sample, summed over patches and scales, with respect to that sample.

    Args:
        critic: called as ``critic(image)``, or ``critic(image, label)`` when a label is given.
        image: images (N, C, *S); their own history is cut.
        label: condition of the images, (N, ...).
        scale: factor on the output during the differentiation, undone afterwards.
        create_graph: keep the graph, so that the result can be differentiated with respect to the parameters.

    Returns:
        The gradient, (N, C, *S), in float32 or the type of the images if that is wider.
    """
    with torch.enable_grad():
        image = image.detach().requires_grad_(True)
        total = score_sum(critic, image, label)
        if scale == 1.0:
            return _wide(gradient_of(total, image, create_graph))
        # The batch mean is what is scaled, as in any other loss: a scale of 65536 on the sum is infinite in float16.
        share = scale / image.shape[0]
        return _wide(gradient_of(total * share, image, create_graph)) / share


def score_sum(critic: Critic, image: Tensor, label: Tensor | None) -> Tensor:
    """The sum of all that the critic says of a batch, a scalar of at least float32."""
    output = critic(image) if label is None else critic(image, label)
    outputs = [output] if isinstance(output, Tensor) else list(output)
    return sum((_wide(tensor).sum() for tensor in outputs), start=torch.zeros((), device=image.device))


def gradient_of(total: Tensor, image: Tensor, create_graph: bool) -> Tensor:
    """The gradient with respect to the image; fused operations compute none of their parameters for it."""
    # The switch is thread-local state, which a compiler cannot follow.
    with nullcontext() if torch.compiler.is_compiling() else input_gradient_only():
        (gradient,) = torch.autograd.grad(total, image, create_graph=create_graph)
    return gradient


def plain(tensor: Tensor) -> Tensor:
    """The tensor without MONAI's metadata, which arithmetic would carry along and a penalty has no use for."""
    return tensor if type(tensor) is Tensor else tensor.as_subclass(Tensor)


def _wide(tensor: Tensor) -> Tensor:
    return plain(tensor).to(torch.promote_types(tensor.dtype, torch.float32))
