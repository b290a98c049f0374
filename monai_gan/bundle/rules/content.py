"""Rules on a bundle's files and metadata; most are the model zoo's."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monai_gan.bundle.checksums import bundle_files, find_problems, listed_files
from monai_gan.bundle.files import METADATA, WEIGHTS, read_json
from monai_gan.bundle.rules.subject import RuleError, Subject
from monai_gan.errors import WeightsError

#: Files that every bundle has; all hold something.
REQUIRED = (
    "LICENSE",
    METADATA,
    "configs/train.json",
    "configs/inference.json",
    "configs/multi_gpu_train.json",
    "docs/README.md",
    "docs/data_license.txt",
    WEIGHTS,
)
#: A bundle travels inside the package.
MAX_BYTES = 5_000_000
#: The model zoo takes no larger file; one would be named in large_files.yml.
MAX_FILE_BYTES = 25_000_000

_SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"
META_SCHEMA = _SCHEMAS / "meta_schema_20240725.json"
META_SCHEMA_SHA256 = "cd64aa8a5904426f6fc6855dabe46af8c742d5bad644b4e9cfb78ebad09ad678"
EXTRA_SCHEMA = _SCHEMAS / "monai_gan_extra_schema.json"


def layout(subject: Subject) -> str:
    """All required files are there and none is empty; an untrained bundle has no weights."""
    required = [name for name in REQUIRED if name != WEIGHTS or not subject.untrained]
    if subject.untrained and (subject.path / WEIGHTS).exists():
        raise RuleError(f"'{WEIGHTS}' is there, but monai_gan::quality is 'untrained': write 'demo' or 'release'.")
    wrong = [f"'{name}' is missing" for name in required if not (subject.path / name).is_file()]
    wrong += [
        f"'{name}' is empty"
        for name in required
        if (subject.path / name).is_file() and not (subject.path / name).stat().st_size
    ]
    if wrong:
        raise RuleError(f"{'; '.join(wrong)}: every bundle has {', '.join(required)}.")
    return f"{len(required)} required files" + (", no weights: a configuration only" if subject.untrained else "")


def json_files(subject: Subject) -> str:
    """Configurations are JSON and parse; MONAI's ``load`` looks for no other form."""
    other = sorted(file.name for file in (subject.path / "configs").glob("*.y*ml"))
    if other:
        raise RuleError(f"configs holds {', '.join(other)}: write configurations as JSON.")
    files = [subject.path / METADATA, *subject.config_files]
    for file in files:
        read_json(file)
    return f"{len(files)} JSON files"


def name(subject: Subject) -> str:
    """The folder can be a file and package name, and the metadata gives a title."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", subject.path.name):
        raise RuleError(f"the folder is named '{subject.path.name}': use lower-case letters, digits and '_'.")
    title = subject.metadata.get("name")
    if not isinstance(title, str) or not title.strip():
        raise RuleError(f"'{METADATA}' has no name: add a title, for instance \"Chest X-ray WGAN-GP\".")
    return title


def version(subject: Subject) -> str:
    """The version has the form 0.1.0 and the changelog an entry for it."""
    stated, changelog = subject.metadata.get("version"), subject.metadata.get("changelog")
    # MONAI finds the latest version by sorting text, which puts 0.10.0 before 0.9.0.
    if not isinstance(stated, str) or not re.fullmatch(r"\d\.\d\.\d", stated):
        raise RuleError(f'the version is {stated!r}: write three single digits, for instance "0.1.0".')
    if not isinstance(changelog, dict) or stated not in changelog:
        raise RuleError(f'the changelog has no entry for version {stated}: add "changelog": {{"{stated}": "..."}}.')
    return f"{stated}: {changelog[stated]}"


def metadata(subject: Subject) -> str:
    """The metadata keeps MONAI's schema, told by MONAI's own ``verify_metadata``."""
    from monai.bundle import verify_metadata

    url = subject.metadata.get("schema")
    if not isinstance(url, str) or not url.endswith(META_SCHEMA.name):
        raise RuleError(f"the metadata's schema is {url!r}: give the address that ends with '{META_SCHEMA.name}'.")
    with quiet():
        # The schema at filepath is there already and therefore not fetched.
        verify_metadata(
            meta_file=str(subject.path / METADATA),
            filepath=str(META_SCHEMA),
            hash_val=META_SCHEMA_SHA256,
            hash_type="sha256",
        )
    return f"follows {META_SCHEMA.stem}"


def extra_metadata(subject: Subject) -> str:
    """The block ``monai_gan`` of the metadata keeps our schema."""
    import jsonschema

    extra = subject.metadata.get("monai_gan")
    if extra is None:
        raise RuleError(f"'{METADATA}' has no block 'monai_gan': add one with {', '.join(_extra_keys())}.")
    errors = jsonschema.Draft201909Validator(read_json(EXTRA_SCHEMA)).iter_errors(extra)
    texts = sorted(_schema_error(error) for error in errors)
    if texts:
        raise RuleError("; ".join(texts) + ".")
    marks = sum(metric.get("mark", False) for metric in extra["metrics"])
    if marks != 1 and (extra["metrics"] or extra["quality"] == "release"):
        raise RuleError(f'monai_gan::metrics has {marks} entries with "mark": true: mark the one headline figure.')
    if extra["task"] in ("translation", "enhancement") and not ("volume" in extra and "in" in extra["intensity"]):
        raise RuleError("monai_gan has no 'volume' or no 'intensity::in': say how images are fed to the network.")
    # A 2-D network that is given a volume's slices has the volume's spacing.
    dims, spacing = 3 if "volume" in extra else extra["spatial_dims"], extra["spacing_mm"]
    if spacing is not None and len(spacing) != dims:
        raise RuleError(f"monai_gan::spacing_mm has {len(spacing)} values for {dims} spatial dimensions.")
    return f"{extra['variant']}, {extra['task']}, {extra['quality']}"


def size(subject: Subject) -> str:
    """The bundle is small enough to travel in the package."""
    sizes = {file: (subject.path / file).stat().st_size for file in [METADATA, *bundle_files(subject.path)]}
    large = [file for file, count in sizes.items() if count > MAX_FILE_BYTES]
    if large:
        raise RuleError(f"{', '.join(large)}: files over {MAX_FILE_BYTES / 1e6:g} MB belong into large_files.yml.")
    total = sum(sizes.values())
    if total > MAX_BYTES:
        raise RuleError(f"the bundle has {total / 1e6:.1f} MB: at most {MAX_BYTES / 1e6:g} MB travel in the package.")
    return f"{total / 1e6:.2f} MB"


def no_code(subject: Subject) -> str:
    """A bundle is configuration: no scripts folder, no Python or compiled files."""
    code = [file for file in bundle_files(subject.path) if Path(file).suffix in {".py", ".pyc", ".so", ".dll", ".sh"}]
    if (subject.path / "scripts").exists():
        code.insert(0, "scripts")
    if code:
        raise RuleError(f"{', '.join(code[:5])}: move code into an installed package and name it by '_target_'.")
    return "configuration only"


def checksums(subject: Subject) -> str:
    """Every file is listed with its checksum and unchanged."""
    problems = find_problems(subject.path)
    listed = {str(entry["path"]) for entry in listed_files(subject.path)}
    if listed:
        unlisted = sorted(set(bundle_files(subject.path)) - listed)
        problems += [f"'{file}' has no checksum; call monai_gan.bundle.write_checksums." for file in unlisted]
    if problems:
        raise WeightsError(" ".join(problems[:3]))
    return f"{len(listed)} files"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep MONAI's summaries of its arguments out of our output."""
    loggers = [logging.getLogger(name) for name in ("monai.bundle.scripts", "monai.apps")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _extra_keys() -> list[str]:
    return list(read_json(EXTRA_SCHEMA)["required"])


def _schema_error(error: Any) -> str:
    place = "::".join(["monai_gan", *map(str, error.absolute_path)])
    return f"{place}: {error.message if len(error.message) < 200 else error.message[:200] + '...'}"
