"""Install what the module needs, after a question: torch through the extension PyTorch, the rest with pip."""

import importlib.metadata
import importlib.util
import tempfile
from pathlib import Path

from MONAIGANLib.texts import _

REQUESTER = "MONAIGAN"
#: Slicer has builds of its own of these, which pip must leave alone.
PROTECTED = ("numpy", "SimpleITK", "vtk", "requests", "pydicom", "scipy", "packaging")
TORCH = ">=2.8"
#: About what is downloaded beside torch, in MB.
SIZE = 60


class Declined(RuntimeError):
    """The user does not want the packages; nothing was changed."""


def isInstalled(name="monai_gan"):
    """Whether a package can be imported, without importing it."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def missing():
    """Names of the packages that are not installed."""
    return [name for name in ("torch", "monai_gan") if not isInstalled(name)]


def requirements(path):
    """The lines of a requirements file."""
    lines = (line.partition("#")[0].strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def question(path):
    """What the user is asked once."""
    listed = ", ".join(requirements(path))
    text = _("The module needs Python packages: {packages} (about {size} MB).").format(packages=listed, size=SIZE)
    if not isInstalled("torch"):
        text += " " + _("PyTorch, which is large, is installed through the extension PyTorch.")
    return text + " " + _("They are installed for this Slicer only. Install them now?")


def ensure(path, confirm, installTorch=None, pipEnsure=None):
    """Install what is missing.

    :param path: of the requirements file
    :param confirm: asked with a text; False declines
    :param installTorch: exchanged by tests
    :param pipEnsure: exchanged by tests
    :raises Declined: the user said no
    :raises RuntimeError: something cannot be installed; the text says what to do
    """
    if not missing():
        return
    if not confirm(question(path)):
        raise Declined(_("Not installed: the packages were declined. Press Install when you want them."))
    if not isInstalled("torch"):
        (installTorch or _installTorch)()
        importlib.invalidate_caches()
        if not isInstalled("torch"):
            raise RuntimeError(_("PyTorch was not installed: look into the log of the extension PyTorch."))
    if not isInstalled("monai_gan"):
        with tempfile.TemporaryDirectory() as folder:
            (pipEnsure or _pipEnsure)(requirements(path), _constraints(Path(folder)))
        importlib.invalidate_caches()
        if not isInstalled("monai_gan"):
            raise RuntimeError(_("The packages were not installed: look into Slicer's error log."))


def _installTorch():
    try:
        import PyTorchUtils
    except ImportError:
        raise RuntimeError(
            _("PyTorch is not installed: install the extension PyTorch in the Extensions Manager and restart Slicer.")
        ) from None
    if PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=False, torchVersionRequirement=TORCH) is None:
        raise RuntimeError(_("PyTorch was not installed: look into the log of the extension PyTorch."))


def _constraints(folder):
    """A file that keeps the packages of Slicer itself at their versions."""
    lines = []
    for name in PROTECTED:
        try:
            lines.append(f"{name}=={importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    path = folder / "constraints.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _pipEnsure(wanted, constraints):
    try:
        import slicer.packaging
    except ImportError:  # Slicer 5.10
        import slicer.util

        slicer.util.pip_install(["-c", str(constraints), *wanted])
        return
    # The question was asked already.
    slicer.packaging.pip_ensure(wanted, constraints=constraints, prompt_install=False, requester=REQUESTER)
