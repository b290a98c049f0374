"""Swap normalisation and activation layers of any network for the fused layer, and tell what was swapped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import fx, nn
from torch.nn.modules.dropout import _DropoutNd

from monai_gan.networks.blocks.layers import activation_name, fused_layer, obstacle_to_fusing


@dataclass(frozen=True)
class Swap:
    """One normalisation that was swapped.

    Attributes:
        name: dotted name of the normalisation.
        norm: its former class.
        activation: what was joined to it, ``"identity"`` if nothing was.
        activation_from: dotted name of the activation layer, now an identity; empty if nothing was joined.
    """

    name: str
    norm: str
    activation: str
    activation_from: str = ""


@dataclass
class FuseReport:
    """What :func:`fuse` did.

    Attributes:
        swapped: the normalisations that are fused now.
        kept: the others by name, each with the reason.
        apart: swapped normalisations whose activation was not joined, each with the reason.
    """

    swapped: list[Swap] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    apart: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"{len(self.swapped)} normalisation(s) swapped, {len(self.kept)} kept"]
        for swap in self.swapped:
            joined = f" + {swap.activation} ('{swap.activation_from}')" if swap.activation_from else ""
            lines.append(f"  swapped '{swap.name}': {swap.norm}{joined}")
        lines += [f"  apart '{name}': {reason}" for name, reason in self.apart.items()]
        lines += [f"  kept '{name}': {reason}" for name, reason in self.kept.items()]
        return "\n".join(lines)


def fuse(module: nn.Module) -> FuseReport:
    """Swap group, instance and layer normalisations, with the activations that follow them, in place.

    Each becomes a :class:`~monai_gan.networks.blocks.GroupNormAct` under its own name, with its own parameters, so that
    state dicts and optimizers still fit; an activation that was joined becomes an identity. Which activation follows
    which normalisation is read from the network's ``forward``: an activation is joined only where it is a LeakyReLU,
    ReLU or SiLU layer that is called on the result of normalisations and on nothing else. Values and derivatives stay
    the same up to rounding. Batch normalisation stays as it is.

    Args:
        module: any network; MONAI's too.

    Returns:
        What was swapped and what was not, with reasons; ``print`` shows it.

    Raises:
        TypeError: ``module`` is no module, or is itself a normalisation and so has no place to be swapped in.

    Example:
        >>> critic = nn.Sequential(nn.Conv2d(1, 8, 3), nn.InstanceNorm2d(8), nn.LeakyReLU(0.2))
        >>> print(fuse(critic))
        1 normalisation(s) swapped, 0 kept
          swapped '1': InstanceNorm2d + leaky_relu ('2')
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"fuse: module is a {type(module).__name__}; give a torch.nn.Module.")
    if obstacle_to_fusing(module) is not None:
        raise TypeError(f"fuse: module is itself a {type(module).__name__}; give the network that holds it.")
    places = Counter(id(child) for parent in module.modules() for child in parent._modules.values())
    report = FuseReport()
    for path, parent in list(module.named_modules()):
        norms = {name: obstacle_to_fusing(child) for name, child in parent.named_children()}
        norms = {name: obstacle for name, obstacle in norms.items() if obstacle is not None}
        for name in norms:
            if places[id(parent.get_submodule(name))] > 1:
                norms[name] = "it stands in several places of the network"
        report.kept.update({_join(path, name): obstacle for name, obstacle in norms.items() if obstacle})
        _fuse_children(parent, path, [name for name, obstacle in norms.items() if not obstacle], places, report)
    return report


def _fuse_children(parent: nn.Module, path: str, norms: list[str], places: Counter[int], report: FuseReport) -> None:
    """Swap normalisations that are direct children of one module."""
    if not norms:
        return
    pairs, reasons = _pairs(parent, norms, places)
    for name in norms:
        norm = parent.get_submodule(name)
        follower = pairs.get(name)
        activation = parent.get_submodule(follower) if follower else None
        fused = fused_layer(norm, activation)
        parent._modules[name] = fused
        origin = _join(path, follower) if follower else ""
        report.swapped.append(Swap(_join(path, name), type(norm).__name__, fused.activation, origin))
        if name in reasons:
            report.apart[_join(path, name)] = reasons[name]
    for follower in set(pairs.values()):
        parent._modules[follower] = nn.Identity()


def _pairs(parent: nn.Module, norms: list[str], places: Counter[int]) -> tuple[dict[str, str], dict[str, str]]:
    """Normalisation to the activation that can be joined to it; and why others cannot be."""
    try:
        graph = _Reader().trace(parent)
    except Exception as error:  # forward is the user's code, and a proxy can make any of it fail
        return {}, dict.fromkeys(norms, f"its parent's forward cannot be read ({type(error).__name__}: {error})")
    calls = [node for node in graph.nodes if node.op == "call_module"]
    pairs: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for name in norms:
        nodes = [node for node in calls if node.target == name]
        users = [user for node in nodes for user in _users(node, parent)]
        if len(nodes) != 1 or len(users) != 1:
            if len(nodes) != 1:
                reasons[name] = f"its parent calls it {len(nodes)} times"
            continue
        (follower,) = users
        if follower.op == "call_module" and activation_name(parent.get_submodule(str(follower.target))):
            pairs[name] = str(follower.target)
        elif follower.op == "call_module" and isinstance(parent.get_submodule(str(follower.target)), _DropoutNd):
            reasons[name] = f"dropout ('{follower.target}') stands before its activation"
        elif _is_activation_call(follower):
            reasons[name] = f"its activation is a call in forward ({follower.target}), not a layer"
    for activation in set(pairs.values()):
        before = [node for node in calls if node.target == activation]
        joined = [name for name, follower in pairs.items() if follower == activation]
        if len(before) != len(joined) or places[id(parent.get_submodule(activation))] > 1:
            for name in joined:
                del pairs[name]
                reasons[name] = f"its activation '{activation}' is used elsewhere too"
    return pairs, reasons


class _Reader(fx.Tracer):
    """Reads the calls that a module's own forward makes, without looking into its children."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return True


def _users(node: fx.Node, parent: nn.Module) -> Iterator[fx.Node]:
    """Who uses a result, looking through layers that do nothing."""
    for user in node.users:
        layer = parent.get_submodule(str(user.target)) if user.op == "call_module" else None
        idle = isinstance(layer, nn.Identity) or (isinstance(layer, _DropoutNd) and layer.p == 0)
        if idle:
            yield from _users(user, parent)
        else:
            yield user


def _is_activation_call(node: fx.Node) -> bool:
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return node.op in ("call_function", "call_method") and name.rstrip("_") in ("relu", "leaky_relu", "silu")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
