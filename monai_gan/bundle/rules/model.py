"""Rules on a bundle's network: it builds, takes its weights, and does what the metadata says."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from monai_gan.bundle.files import METADATA, WEIGHTS
from monai_gan.bundle.network import CONFIG, build_network, safe_definition
from monai_gan.bundle.rules.content import quiet
from monai_gan.bundle.rules.subject import RuleError, Subject
from monai_gan.bundle.weights import load_weights


def network(subject: Subject) -> str:
    """The network builds without trust, takes the weights if there are any, and gives what the metadata states."""
    import torch

    with torch.random.fork_rng(devices=[]):
        net = build_network(subject.path)
    if not subject.untrained:
        load_weights(net, subject.path / WEIGHTS)
    count = sum(parameter.numel() for parameter in net.parameters())
    spec, expected = (_io(subject, kind, name) for kind, name in (("inputs", "image"), ("outputs", "pred")))
    if not all(isinstance(n, int) for n in spec["spatial_shape"]):
        return f"{count} parameters; its input has no fixed size, so that the output was not checked"
    shape = (2, spec["num_channels"], *spec["spatial_shape"])
    with torch.inference_mode():
        image = net.eval()(torch.randn(shape, generator=torch.Generator().manual_seed(0)))
    _check_output(image, expected)
    return f"{count} parameters, output {tuple(image.shape[1:])}"


def net_in_out(subject: Subject) -> str:
    """MONAI's own ``verify_net_in_out`` accepts the network."""
    from monai.bundle import verify_net_in_out

    with quiet(), tempfile.TemporaryDirectory() as folder:
        config = subject.path / CONFIG
        if not subject.trusted:
            # MONAI's parser would run the bundle's code; this holds the same network as plain values.
            config = Path(folder) / "inference.json"
            config.write_text(json.dumps({"network_def": safe_definition(subject.path)}), encoding="utf-8")
        verify_net_in_out(
            net_id="network_def", meta_file=str(subject.path / METADATA), config_file=str(config), device="cpu"
        )
    return "channels and types as stated"


def _io(subject: Subject, kind: str, name: str) -> dict[str, Any]:
    spec = subject.metadata.get("network_data_format", {}).get(kind, {}).get(name)
    if not isinstance(spec, dict) or "num_channels" not in spec or not isinstance(spec.get("spatial_shape"), list):
        raise RuleError(f"network_data_format::{kind}::{name} must give num_channels and spatial_shape.")
    return spec


def _check_output(image: Any, expected: dict[str, Any]) -> None:
    import torch

    if not isinstance(image, torch.Tensor):
        raise RuleError(f"the network gives a {type(image).__name__}: the inference network gives one tensor.")
    stated = (expected["num_channels"], *expected["spatial_shape"])
    fits = len(stated) == image.ndim - 1 and all(
        not isinstance(n, int) or n == m for n, m in zip(stated, image.shape[1:], strict=True)
    )
    if not fits:
        raise RuleError(
            f"the network gives {tuple(image.shape[1:])}, but network_data_format::outputs::pred says {stated}."
        )
    if not torch.isfinite(image).all():
        raise RuleError("the network gives values that are not finite: the weights are broken.")
    limits = expected.get("value_range") or [float("-inf"), float("inf")]
    low, high = image.min().item(), image.max().item()
    slack = 1e-3 * max(1.0, abs(limits[-1] - limits[0]))
    if low < limits[0] - slack or high > limits[-1] + slack:
        raise RuleError(
            f"the network gives values from {low:.3g} to {high:.3g}, but the value_range stated is {limits}."
        )
