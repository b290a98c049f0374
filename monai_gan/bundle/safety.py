"""What in a bundle's configuration could run code, and how to build a network from it without running any.

A configuration of MONAI can call anything that imports (``_target_``), evaluate Python (``$...``) and read other files
(``%...``). A bundle from outside is data until the user says otherwise: only plain values and the networks of known
libraries are used.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from monai_gan.errors import InputError

if TYPE_CHECKING:
    from torch import nn

#: Packages whose network classes may be built from a bundle that is not trusted.
SAFE_PREFIXES = ("monai_gan.networks.", "monai.networks.", "torch.nn.")
#: How a user says that a bundle may run code.
TRUST_REMEDY = "if you trust its author, pass trust=True (`--trust` on the command line)."

_REFERENCE = re.compile(r"@\w+(?:::\w+)*")
_RELATIVE = re.compile(r"@((?:::)+)(\w+(?:::\w+)*)")
_SPECIAL = frozenset({"_mode_", "_requires_", "_disabled_", "_debug_"})
# Arguments by which some networks of MONAI fetch or open files.
_LOADS = re.compile(r"pretrain|(^|_)(url|path|file|filename|weights)$")
# References can be nested so that a small file unfolds into a huge one.
_MAX_NODES = 10_000


def walk(content: Any, identity: str = "") -> Iterator[tuple[str, Any]]:
    """All nodes of a configuration with their ids, such as ``"network_def::channels::0"``."""
    yield identity, content
    if isinstance(content, (Mapping, list)):
        for key, value in content.items() if isinstance(content, Mapping) else enumerate(content):
            yield from walk(value, f"{identity}::{key}" if identity else str(key))


def code_in(content: Any) -> Iterator[tuple[str, str]]:
    """Whatever could run code or read files when MONAI parses a configuration, as (id, what it is)."""
    for identity, value in walk(content):
        if isinstance(value, str) and value.startswith("$"):
            yield identity, f"the expression '{value}' runs code"
        elif isinstance(value, str) and value.startswith("%"):
            yield identity, f"the macro '{value}' reads other files"
        elif isinstance(value, Mapping) and "_target_" in value:
            try:
                check_component(value)
            except InputError as error:
                yield identity, str(error)


def check_component(component: Mapping[str, Any]) -> None:
    """Whether a component may be built without trust.

    Raises:
        InputError: with the reason, if its target is not safe, it uses special keys or would load other weights.
    """
    safe_class(component["_target_"])
    special = sorted(_SPECIAL.intersection(component))
    if special:
        raise InputError(f"{', '.join(special)} changes how the component is called")
    for name, value in component.items():
        if _LOADS.search(name) and (value is True or isinstance(value, str)):
            raise InputError(f"the argument {name}={value!r} would load other weights")


def safe_class(target: Any) -> type[nn.Module]:
    """The network class that a ``_target_`` names, if it may be built without trust.

    Raises:
        InputError: with the reason, unless it is a ``torch.nn.Module`` class defined below :data:`SAFE_PREFIXES`.
    """
    from torch import nn

    allowed = ", ".join(f"'{prefix}'" for prefix in SAFE_PREFIXES)
    if not isinstance(target, str) or not target.startswith(SAFE_PREFIXES):
        raise InputError(f"the target '{target}' is not a full path below {allowed}")
    module_name, _, class_name = target.rpartition(".")
    try:
        # import_module accepts only real modules: with getattr alone, "torch.nn.x.os.system" would be reached.
        found = getattr(importlib.import_module(module_name), class_name)
    except Exception as error:  # a library that is half installed raises more than ImportError
        raise InputError(f"the target '{target}' does not exist: {error}") from error
    if not (
        isinstance(found, type) and issubclass(found, nn.Module) and f"{found.__module__}.".startswith(SAFE_PREFIXES)
    ):
        raise InputError(f"the target '{target}' is not a network class defined below {allowed}")
    return found


def plain_definition(config: Mapping[str, Any], identity: str) -> Any:
    """An item of a configuration with its references replaced by what they refer to, code refused.

    Args:
        config: the whole configuration.
        identity: the item's id, for instance ``"network_def"``.

    Returns:
        Numbers, text, lists and dicts; components stay dicts with ``_target_``.

    Raises:
        InputError: naming the id that holds an expression, a macro, an unsafe target or a bad reference.
    """
    budget = [_MAX_NODES]
    return _plain(config, _lookup(config, identity, identity), identity, (identity,), budget)


def build(definition: Any, identity: str) -> Any:
    """Build what :func:`plain_definition` returned: components become modules, the rest stays.

    Raises:
        InputError: if a class refuses its arguments.
    """
    if isinstance(definition, list):
        return [build(value, f"{identity}::{index}") for index, value in enumerate(definition)]
    if not isinstance(definition, Mapping):
        return definition
    arguments = {
        key: build(value, f"{identity}::{key}")
        for key, value in definition.items()
        if key not in ("_target_", "_desc_")
    }
    if "_target_" not in definition:
        return arguments
    target = safe_class(definition["_target_"])
    try:
        return target(**arguments)
    except Exception as error:
        raise InputError(
            f"'{identity}' ({target.__name__}) cannot be built from the bundle's values: {error}"
        ) from error


def _plain(config: Mapping[str, Any], value: Any, identity: str, trail: tuple[str, ...], budget: list[int]) -> Any:
    budget[0] -= 1
    if budget[0] < 0:
        raise InputError(f"'{trail[0]}' unfolds to more than {_MAX_NODES} values: no network needs that many.")
    if isinstance(value, str):
        return _plain_text(config, value, identity, trail, budget)
    if isinstance(value, list):
        return [_plain(config, item, f"{identity}::{i}", trail, budget) for i, item in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    if "_target_" in value:
        plain = {k: _plain(config, v, f"{identity}::{k}", trail, budget) for k, v in value.items() if k != "_target_"}
        component = {"_target_": value["_target_"], **plain}
        try:
            check_component(component)
        except InputError as error:
            raise InputError(f"'{identity}' was refused: {error}; {TRUST_REMEDY}") from error
        return component
    return {k: _plain(config, v, f"{identity}::{k}", trail, budget) for k, v in value.items()}


def _plain_text(config: Mapping[str, Any], text: str, identity: str, trail: tuple[str, ...], budget: list[int]) -> Any:
    if text.startswith("$"):
        raise InputError(f"'{identity}' was refused: the expression '{text}' runs code; {TRUST_REMEDY}")
    if text.startswith("%"):
        raise InputError(f"'{identity}' was refused: the macro '{text}' reads other files; {TRUST_REMEDY}")
    normal = text.replace("#", "::")
    if relative := _RELATIVE.fullmatch(normal):
        # "@::x" is a neighbour, "@::::x" a neighbour of the parent
        levels = len(relative[1]) // 2
        target = "::".join([*identity.split("::")[:-levels], relative[2]])
    elif _REFERENCE.fullmatch(normal):
        target = normal[1:]
    else:
        return text
    if target in trail:
        raise InputError(f"'{identity}' refers to itself: {' -> '.join([*trail, target])}.")
    return _plain(config, _lookup(config, target, identity), target, (*trail, target), budget)


def _lookup(config: Mapping[str, Any], target: str, identity: str) -> Any:
    node: Any = config
    for key in target.split("::"):
        if isinstance(node, Mapping) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isdigit() and int(key) < len(node):
            node = node[int(key)]
        else:
            raise InputError(f"'{identity}' needs '{target}', which the configuration lacks.")
    return node
