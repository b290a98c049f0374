"""``KEY=VALUE`` changes of a bundle's configuration."""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from monai_gan.bundle.safety import walk
from monai_gan.errors import InputError

if TYPE_CHECKING:
    from monai.bundle import ConfigParser

# What MONAI's parser takes for an expression, a reference or a macro, no matter what it stands for.
_CODE = ("$", "@", "%")


def parse_overrides(items: Iterable[str]) -> dict[str, str]:
    """Split ``KEY=VALUE`` arguments of a command line.

    Args:
        items: for instance ``["train::trainer::max_epochs=3", "image_size=[32, 32]"]``.

    Returns:
        Values as text by key; :func:`apply_overrides` gives them their type. The last of a repeated key counts.

    Raises:
        InputError: for an item without ``=`` or key.
    """
    overrides = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise InputError(f"The override '{item}' is not KEY=VALUE: write for instance max_epochs=3.")
        overrides[key.strip()] = value.strip()
    return overrides


def apply_overrides(parser: ConfigParser, overrides: Mapping[str, Any]) -> None:
    """Change items of a configuration that exist, or arguments that their component knows.

    Text is read as JSON or as a Python literal (``true``, ``3``, ``[1, 2]``, ``"text"``), else kept as text; ``@`` and
    ``$`` keep their meaning. A number stays text where the configuration holds plain text.

    Args:
        parser: the configuration, changed in place.
        overrides: values by id; ``::`` or ``#`` separates levels, as in MONAI.

    Raises:
        InputError: for an id that does not exist, with the nearest ones, and for text where a number is wanted.
    """
    for key, value in overrides.items():
        identity = key.replace("#", "::")
        if identity not in parser and not _is_argument(parser, identity):
            raise InputError(_unknown(parser, key, identity))
        current = parser.get(identity)
        typed = _typed(value, current)
        if _is_number(current) and isinstance(typed, str) and not typed.startswith(_CODE):
            raise InputError(f"{key}={value} is not a number: the configuration has {current} there.")
        parser[identity] = typed


def _typed(value: Any, current: Any) -> Any:
    if not isinstance(value, str):
        return value
    parsed = _literal(value)
    holds_text = isinstance(current, str) and not current.startswith(_CODE)
    return value if holds_text and _is_number(parsed) else parsed


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _literal(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return text


def _is_argument(parser: ConfigParser, identity: str) -> bool:
    """Whether the id names an argument, not written down yet, of a component of the configuration."""
    parent, _, name = identity.rpartition("::")
    component = parser.get(parent) if parent else None
    if not isinstance(component, Mapping) or not name:
        return False
    return name in _arguments(parser, component)


def _arguments(parser: ConfigParser, component: Mapping[str, Any]) -> list[str]:
    """Names of the arguments that a component's class or function takes; none if it cannot be told."""
    import inspect
    import pydoc

    from monai.bundle import ConfigComponent

    if not isinstance(component.get("_target_"), str) or component["_target_"].startswith(("$", "@")):
        return []
    try:
        target = ConfigComponent(config=component, locator=parser.locator).resolve_module_name()
        parameters = inspect.signature(pydoc.locate(target)).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError, pydoc.ErrorDuringImport):
        return []
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [name for name, parameter in parameters.items() if parameter.kind in named]


def _unknown(parser: ConfigParser, key: str, identity: str) -> str:
    config = {name: value for name, value in parser.get().items() if name != "_meta_"}
    known = [known for known, _ in walk(config) if known]
    parent, _, name = identity.rpartition("::")
    component = parser.get(parent) if parent else None
    if isinstance(component, Mapping):
        known += [f"{parent}::{argument}" for argument in _arguments(parser, component)]
    # The same last part somewhere else is a better guess than a similar spelling.
    near = [other for other in known if other.rpartition("::")[2] == name]
    near += difflib.get_close_matches(identity, known, n=3, cutoff=0.6)
    leaves = {other.rpartition("::")[2]: other for other in reversed(known)}
    near += [leaves[leaf] for leaf in difflib.get_close_matches(name, leaves, n=2, cutoff=0.75)]
    near = list(dict.fromkeys(near))[:3]
    remedy = (
        "did you mean " + " or ".join(f"'{other}'" for other in near) + "?"
        if near
        else ("its items are " + ", ".join(f"'{other}'" for other in config) + ".")
    )
    return f"The configuration has no item '{key}' to override: {remedy}"
