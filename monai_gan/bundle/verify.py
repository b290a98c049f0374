"""Check a bundle against MONAI's and the model zoo's rules and our own, one result per rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from monai_gan.bundle.files import is_bundle
from monai_gan.bundle.info import not_a_bundle
from monai_gan.bundle.locate import is_packaged
from monai_gan.bundle.rules import content, model, workflow
from monai_gan.bundle.rules.subject import Subject
from monai_gan.errors import WeightsError


@dataclass(frozen=True)
class Check:
    """Result of one rule.

    Args:
        name: of the rule, for instance ``"checksums"``.
        ok: whether the bundle keeps it.
        detail: what was found; when not ok, what to correct.
        unsafe: whether the weights must not be used because of it: they are missing, altered or no plain tensors.
    """

    name: str
    ok: bool
    detail: str
    unsafe: bool = False


# A rule returns what it found, or raises with what is wrong.
_RULES: dict[str, Callable[[Subject], str]] = {
    "layout": content.layout,
    "json": content.json_files,
    "name": content.name,
    "version": content.version,
    "metadata": content.metadata,
    "extra_metadata": content.extra_metadata,
    "size": content.size,
    "no_code": content.no_code,
    "checksums": content.checksums,
    "targets": workflow.targets,
    "train_properties": workflow.train_properties,
    "inference_properties": workflow.inference_properties,
    "cpu": workflow.cpu,
    "network": model.network,
    "net_in_out": model.net_in_out,
}


def verify_bundle(path: Path | str, trust: bool = False) -> list[Check]:
    """Check everything that can be checked without training.

    MONAI's ``verify_metadata`` and ``verify_net_in_out`` are run as they are, without an internet connection. A bundle
    from outside that is not trusted is checked without running any code of its configurations.

    Args:
        path: the bundle's root.
        trust: whether the bundle may run code.

    Returns:
        One :class:`Check` per rule, in a fixed order; this function does not raise.
    """
    root = Path(path).expanduser().resolve()
    if not is_bundle(root):
        return [Check("layout", False, not_a_bundle(root))]
    subject = Subject(root, trusted=trust or is_packaged(root))
    return [_run(name, rule, subject) for name, rule in _RULES.items()]


def _run(name: str, rule: Callable[[Subject], str], subject: Subject) -> Check:
    try:
        return Check(name, True, rule(subject))
    except Exception as error:  # whatever a broken bundle makes a rule stumble over is its result
        detail = str(error) or f"{type(error).__name__} without a message"
        return Check(name, False, detail, unsafe=isinstance(error, WeightsError))
