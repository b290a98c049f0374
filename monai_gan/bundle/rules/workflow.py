"""Rules on a bundle's configurations: what they name exists, and MONAI's workflows find what they need."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from monai_gan.bundle.files import read_json
from monai_gan.bundle.rules.subject import RuleError, Subject
from monai_gan.bundle.safety import walk
from monai_gan.errors import InputError

if TYPE_CHECKING:
    from monai.bundle import ComponentLocator

#: Packages whose components a bundle may name: those that are installed with this one.
PACKAGES = ("monai_gan", "monai", "torch", "ignite", "numpy")


def targets(subject: Subject) -> str:
    """Every ``_target_`` can be found, in a package that is installed with ours."""
    wrong, count = [], 0
    for file in subject.config_files:
        try:
            content = read_json(file)
        except InputError:
            continue  # told by the rule on JSON files
        for identity, node in walk(content):
            target = node.get("_target_") if isinstance(node, Mapping) else None
            if not isinstance(target, str) or target.startswith(("$", "@", "%")):
                continue
            count += 1
            if not _exists(target):
                wrong.append(f"{file.name} names '{target}' at '{identity}'")
    if wrong:
        raise RuleError(f"{'; '.join(wrong[:3])}: no such component in {', '.join(PACKAGES)}.")
    return f"{count} targets"


def train_properties(subject: Subject) -> str:
    """The training configuration has what MONAI's training workflow needs."""
    from monai.bundle.properties import MetaProperties, TrainProperties

    return _properties(subject, "train", {**TrainProperties, **MetaProperties})


def inference_properties(subject: Subject) -> str:
    """The inference configuration has what MONAI's inference workflow needs."""
    from monai.bundle.properties import InferProperties, MetaProperties

    return _properties(subject, "inference", {**InferProperties, **MetaProperties})


def cpu(subject: Subject) -> str:
    """Inference runs without a GPU: its device falls back to the CPU."""
    device = str(subject.config("inference").get("device", ""))
    if "cuda" in device and "is_available" not in device:
        raise RuleError(
            f"inference.json sets the device to '{device}': write "
            "\"$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')\"."
        )
    return device


def _properties(subject: Subject, name: str, properties: Mapping[str, Mapping[Any, Any]]) -> str:
    from monai.bundle import ConfigParser
    from monai.utils import BundleProperty, BundlePropertyConfig

    parser = ConfigParser(subject.config(name))
    required = {key: p[BundlePropertyConfig.ID] for key, p in properties.items() if p.get(BundleProperty.REQUIRED)}
    required["run"] = "run"  # what `monai.bundle run` runs when it is not told an id
    missing = [f"{key} (id '{identity}')" for key, identity in required.items() if identity not in parser]
    if missing:
        raise RuleError(f"{name}.json lacks {', '.join(missing)}.")
    misplaced = []
    for key, entry in properties.items():
        used = parser.get(entry[BundlePropertyConfig.REF_ID]) if entry.get(BundlePropertyConfig.REF_ID) else None
        expected = f"@{entry[BundlePropertyConfig.ID]}"
        if isinstance(used, str) and not used.startswith("$") and used.replace("#", "::") != expected:
            misplaced.append(f"{key} is '{used}' instead of '{expected}'")
    if misplaced:
        raise RuleError(f"{name}.json: {', '.join(misplaced)}; MONAI's applications look there.")
    return f"{len(required)} required ids"


@cache
def _monai_names() -> ComponentLocator:
    """MONAI's table of short names, which takes a while to make."""
    from monai.bundle import ComponentLocator

    return ComponentLocator()


def _exists(target: str) -> bool:
    """Whether a dotted path, or a short name of MONAI, names something callable."""
    if "." not in target:
        return _monai_names().get_component_module_name(target) is not None
    if target.split(".")[0] not in PACKAGES:
        return False
    parts = target.split(".")
    for split in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:split]))
        except ImportError:
            continue
        for part in parts[split:]:
            found = getattr(found, part, None)
        return callable(found)
    return False
