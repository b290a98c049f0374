"""Offer a bundle in a repository of a model hub, in the form that ``monai.bundle.download`` reads from there."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from monai_gan.bundle.archive import pack_bundle, unpack_bundle
from monai_gan.bundle.info import BundleInfo
from monai_gan.errors import InputError, require

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


def push_to_hub(bundle: Path | str, repository: str, *, private: bool = True) -> str:
    """Upload a bundle with MONAI's ``push_to_hf_hub`` and tag the commit with the bundle's version.

    Only the files that the bundle's checksums list go up, whatever else lies in its folder. Which hub, and as whom, is
    the business of the package huggingface_hub: its ``hf auth login``, ``HF_TOKEN`` and ``HF_ENDPOINT``.

    Args:
        bundle: the bundle's root.
        repository: ``owner/name``; made if missing.
        private: whether a repository that is made can be seen by its owner only.

    Returns:
        The address of the commit.

    Raises:
        InputError: the repository's name is wrong, it has this version already, or the hub refuses or is not reached.
        WeightsError: the bundle's files do not match their checksums.
        MissingExtraError: huggingface_hub is not installed.
    """
    hub = require("huggingface_hub", "hub")
    info = BundleInfo.from_path(bundle)
    if not _REPOSITORY.fullmatch(repository):
        raise InputError(f"repository={repository!r} is no name of one: give owner/name.")
    with tempfile.TemporaryDirectory() as temporary:
        # MONAI adds a file to the folder that it uploads, and uploads all that lies there: so give it a clean copy.
        root = unpack_bundle(pack_bundle(info.path, temporary), temporary)
        try:
            if info.version in _tags(hub, repository):
                raise InputError(
                    f"'{repository}' has version {info.version} of '{info.name}' already: raise the bundle's version, "
                    "because others may have downloaded that one."
                )
            from monai.bundle.scripts import push_to_hf_hub

            title = f"{info.name} {info.version}"
            folder = str(root.parent)
            commit = push_to_hf_hub(
                repository, info.name, folder, private=private, version=info.version, commit_message=title
            )
            return str(commit.commit_url)
        except InputError:
            raise
        except Exception as error:  # the hub's client raises errors of its own, of its HTTP library and of the system
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise InputError(
                f"'{repository}' cannot be pushed to ({reason}): look at `hf auth login`, HF_ENDPOINT and the network."
            ) from error


def _tags(hub: Any, repository: str) -> set[str]:
    try:
        return {tag.name for tag in hub.HfApi().list_repo_refs(repository).tags}
    except hub.errors.RepositoryNotFoundError:
        return set()
