"""The bundles that the panel lists, and the folder of those that were downloaded."""

import html
import os
import shutil
from pathlib import Path

from MONAIGANLib.texts import _

BUNDLES_VARIABLE = "MONAI_GAN_BUNDLES"


def bundlesOf(task, search=""):
    """The bundles of a task that have weights and whose name, contrast or variant holds every word of a search.

    :param task: name of the task
    :param search: words, in any order; case does not matter
    :return: list of `monai_gan.bundle.BundleInfo`; empty when the package is not installed
    """
    try:
        from monai_gan.bundle import list_bundles
    except ImportError:
        return []
    words = search.lower().split()

    def matches(info):
        modality = f"{info.extra.get('modality_in') or ''} {info.modality}"
        text = f"{info.name} {info.variant} {modality} {info.metadata.get('description', '')}".lower()
        return all(word in text for word in words)

    return [info for info in list_bundles(task) if not info.untrained and matches(info)]


def bundleNamed(name):
    """The bundle of a name or path; None when it is not there."""
    try:
        from monai_gan.bundle import BundleInfo, find_bundle
        from monai_gan.errors import MonaiGanError
    except ImportError:
        return None
    try:
        return BundleInfo.from_path(find_bundle(name)) if name else None
    except MonaiGanError:
        return None


def cardOf(info):
    """What a person should know of a bundle, as simple HTML."""
    modalities = " → ".join(text for text in (info.extra.get("modality_in"), info.modality) if text)
    limits = info.extra.get("limits") or []
    limits = [limits] if isinstance(limits, str) else limits
    rows = [
        (_("Makes"), modalities),
        (_("Kind"), f"{info.variant}, {info.spatial_dims}-D"),
        (_("Version"), info.version),
        (_("Quality"), ", ".join(part for part in (info.quality, info.headline_text) if part)),
        (_("Trained on"), str((info.extra.get("training") or {}).get("data", ""))),
        (_("Data from"), str(info.metadata.get("data_source", ""))),
        (_("Use"), str(info.metadata.get("intended_use", ""))),
        (_("License"), _licenseOf(info)),
    ]
    parts = [f"<h3>{html.escape(info.name)}</h3>", f"<p>{html.escape(str(info.metadata.get('description', '')))}</p>"]
    parts += [f"<p><b>{html.escape(name)}:</b> {html.escape(text)}</p>" for name, text in rows if text]
    if limits:
        parts.append(f"<p><b>{html.escape(_('When not to use it'))}:</b></p><ul>")
        parts += [f"<li>{html.escape(str(limit))}</li>" for limit in limits] + ["</ul>"]
    return "".join(parts)


def labelsOf(info):
    """Names of the classes or directions that a bundle must be asked for; empty for most."""
    return list(info.labels) if info is not None else []


def offersUncertainty(info):
    """Whether a bundle has an uncertainty map."""
    if info is None:
        return False
    try:
        from monai_gan.apps.volume_form import uncertainty_refusal
    except ImportError:
        return False
    return info.task in ("translation", "enhancement") and not uncertainty_refusal(info)


def mapThresholdOf(name):
    """The value of a detection bundle's maps above which it reports regions; None where it states none."""
    info = bundleNamed(name)
    return info.map_threshold if info is not None else None


def takesTruncation(info):
    """Whether a bundle knows more typical, less varied images."""
    return info is not None and info.takes_truncation


def cacheFolder():
    """The folder of downloaded and unpacked bundles; None when the package is not installed."""
    try:
        from monai_gan.bundle import cache_dir
    except ImportError:
        return None
    return cache_dir()


def cacheBytes():
    """Bytes in that folder."""
    folder = cacheFolder()
    if folder is None or not folder.is_dir():
        return 0
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def deleteCache():
    """Remove what was downloaded; the bundles that ship with the package stay.

    :return: bytes that were freed
    """
    folder = cacheFolder()
    if folder is None or not folder.is_dir():
        return 0
    before = cacheBytes()
    for child in folder.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child, ignore_errors=True)
        else:
            child.unlink(missing_ok=True)
    return before - cacheBytes()


def useBundleFolder(folder, environment=os.environ):
    """Search a folder for bundles first, here and in the processes that are started: for computers without a network.

    :param folder: path; empty for none
    :param environment: exchanged by tests
    """
    if folder and Path(folder).is_dir():
        environment[BUNDLES_VARIABLE] = str(folder)
    else:
        environment.pop(BUNDLES_VARIABLE, None)


def _licenseOf(info):
    path = info.path / "LICENSE"
    text = path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""
    parts = [part.replace("\n", " ") for part in text.split("\n\n") if part.strip() != info.name]
    return " ".join(parts)[:600]
