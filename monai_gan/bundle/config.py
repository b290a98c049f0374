"""A bundle's configurations as MONAI's parser reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_gan.bundle.files import METADATA, is_bundle, read_json
from monai_gan.bundle.info import not_a_bundle
from monai_gan.bundle.locate import is_packaged
from monai_gan.bundle.overrides import apply_overrides
from monai_gan.bundle.safety import TRUST_REMEDY, code_in
from monai_gan.errors import InputError

if TYPE_CHECKING:
    from monai.bundle import ConfigParser


def load_config(
    path: Path | str,
    name: str = "train",
    overrides: Mapping[str, Any] | None = None,
    trust: bool = False,
    *,
    overlays: Sequence[str] = (),
) -> ConfigParser:
    """Read a configuration of a bundle.

    A configuration can run code. It is used as it is when the bundle ships with this package or the user trusts it;
    otherwise it is refused if it holds anything that could run code.

    Args:
        path: the bundle's root.
        name: of the configuration, ``"train"`` for ``configs/train.json``.
        overrides: values by id such as ``"train::trainer::max_epochs"``, see
            :func:`~monai_gan.bundle.overrides.apply_overrides`.
        trust: whether a bundle from outside may run code.
        overlays: further configurations that change the first, for instance ``["multi_gpu_train"]``.

    Returns:
        MONAI's parser with the metadata and ``bundle_root`` set; nothing is instantiated yet.

    Raises:
        InputError: if a file is missing or broken, the configuration needs trust, or an override has no target.
    """
    root = Path(path).expanduser().resolve()
    if not is_bundle(root):
        raise InputError(not_a_bundle(root))
    files = [_config_file(root, each) for each in (name, *overlays)]
    contents = {file.name: read_json(file) for file in (*files, root / METADATA)}
    if not trust and not is_packaged(root):
        _refuse_code(root, contents)

    from monai.bundle import ConfigParser

    parser = ConfigParser()
    try:
        # Reads the files again: MONAI's merge understands "::" and "+" in the keys of an overlay.
        parser.read_config(ConfigParser.load_config_files([str(file) for file in files]))
    except (ValueError, KeyError, IndexError) as error:
        raise InputError(f"The configurations {', '.join(contents)} of '{root}' cannot be merged: {error}.") from error
    parser.read_meta(contents[Path(METADATA).name])
    parser["bundle_root"] = str(root)
    apply_overrides(parser, overrides or {})
    return parser


def _config_file(root: Path, name: str) -> Path:
    file = root / "configs" / f"{name}.json"
    if Path(name).name != name or not file.is_file():
        there = sorted(f.stem for f in (root / "configs").glob("*.json") if f.name != Path(METADATA).name)
        raise InputError(f"Bundle '{root.name}' has no configuration '{name}': it has {', '.join(there) or 'none'}.")
    return file


def _refuse_code(root: Path, contents: Mapping[str, Any]) -> None:
    for file, content in contents.items():
        for identity, reason in code_in(content):
            raise InputError(
                f"Bundle '{root.name}' comes from outside this package and its '{file}' was refused at '{identity}': "
                f"{reason}; {TRUST_REMEDY}"
            )
