"""The index of a place that offers bundles: which versions there are, and size and checksum of each zip."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from monai_gan.errors import InputError

#: Name of the index beside the zips.
INDEX = "index.json"
#: The form that this version writes and reads, see ``schemas/index_schema.json``.
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Release:
    """One version of a bundle, as an index lists it.

    Args:
        name: of the bundle.
        version: of the bundle.
        file: name of the zip, which lies beside the index.
        sha256: of the zip, in hexadecimal.
        bytes: size of the zip.
    """

    name: str
    version: str
    file: str
    sha256: str
    bytes: int


@dataclass
class BundleIndex:
    """The versions that a place offers.

    Args:
        place: where the index lies, for messages.
        releases: by name and version.
    """

    place: str
    releases: dict[str, dict[str, Release]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | bytes, place: str) -> BundleIndex:
        """Read an index.

        Args:
            text: content of ``index.json``.
            place: where it lies.

        Raises:
            InputError: it is no index, or one of another schema version.
        """
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import best_match

        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"The index of '{place}' is not valid JSON ({error}): is it a place of bundles?"
            ) from error
        stated = content.get("schema_version") if isinstance(content, dict) else None
        if isinstance(stated, int) and stated != SCHEMA_VERSION:
            raise InputError(
                f"The index of '{place}' has the schema version {stated}, and this monai-gan reads {SCHEMA_VERSION}: "
                + ("update monai-gan." if stated > SCHEMA_VERSION else "ask for a new index, `monai-gan bundle push`.")
            )
        problem = best_match(Draft202012Validator(_schema()).iter_errors(content))
        if problem is not None:
            where = "/".join(str(step) for step in problem.absolute_path) or "the document"
            raise InputError(f"The index of '{place}' is no index of bundles: {where}: {problem.message}.")
        return cls(
            place,
            {
                name: {
                    version: Release(name, version, entry["file"], entry["sha256"], entry["bytes"])
                    for version, entry in versions.items()
                }
                for name, versions in content["bundles"].items()
            },
        )

    def choose(self, name: str, version: str | None = None) -> Release:
        """A version of a bundle, by default the highest.

        Raises:
            InputError: there is none; says what there is.
        """
        versions = self.releases.get(name)
        if versions is None:
            near = difflib.get_close_matches(name, self.releases, n=1)
            listed = ", ".join(sorted(self.releases)) or "nothing"
            remedy = f"did you mean '{near[0]}'?" if near else f"it offers {listed}."
            raise InputError(f"'{self.place}' offers no bundle '{name}': {remedy}")
        if version is None:
            return versions[max(versions, key=version_key)]
        if version not in versions:
            listed = ", ".join(sorted(versions, key=version_key))
            raise InputError(f"'{self.place}' offers no version {version!r} of '{name}': it offers {listed}.")
        return versions[version]

    def add(self, release: Release) -> None:
        """Enter a version.

        Raises:
            InputError: that version is there with another content.
        """
        versions = self.releases.setdefault(release.name, {})
        there = versions.get(release.version)
        if there is not None and there.sha256 != release.sha256:
            raise InputError(
                f"'{self.place}' has version {release.version} of '{release.name}' with another content: "
                "raise the bundle's version, because others may have downloaded that one."
            )
        versions[release.version] = release

    def to_json(self) -> str:
        """The document; the same releases give the same text."""
        bundles = {
            name: {
                version: {"file": one.file, "sha256": one.sha256, "bytes": one.bytes}
                for version, one in sorted(versions.items(), key=lambda item: version_key(item[0]))
            }
            for name, versions in sorted(self.releases.items())
        }
        return json.dumps({"schema_version": SCHEMA_VERSION, "bundles": bundles}, indent=2) + "\n"


def version_key(version: str) -> tuple[int, ...]:
    """The numbers of a version, so that 0.10 comes after 0.9."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


@cache
def _schema() -> dict[str, Any]:
    file = resources.files("monai_gan.bundle").joinpath("schemas/index_schema.json")
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema
