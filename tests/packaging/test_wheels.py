"""Both wheels, built as a user's pip builds them, hold what they should and work from another folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.packaging

ROOT = Path(__file__).parents[2]
KINDS = ["native", "pure", "no_compiler"]
ENVIRONMENTS = {
    "native": {},
    "pure": {"MONAI_GAN_PURE": "1"},
    "no_compiler": {"CC": "/nonexistent/cc", "CXX": "/nonexistent/c++"},
}
HAS_COMPILER = any(shutil.which(name) for name in ("c++", "g++", "clang++", "cl"))


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command without the variables that steer this test run, and give what it printed."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MONAI_GAN_", "PYTHON", "PYTEST"))}
    result = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def build_wheel(source: Path, folder: Path, kind: str) -> Path:
    run(
        sys.executable,
        *("-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder, source),
        cwd=folder,
        **ENVIRONMENTS[kind],
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Build each kind of wheel once, when it is first asked for."""
    wheels: dict[str, Path] = {}

    def get(kind: str) -> Path:
        if kind == "native" and not HAS_COMPILER and not os.environ.get("MONAI_GAN_REQUIRE_NATIVE"):
            pytest.skip("there is no C++ compiler; install one to test the wheel that needs it")
        if kind not in wheels:
            wheels[kind] = build_wheel(ROOT, tmp_path_factory.mktemp(kind), kind)
        return wheels[kind]

    return get


@pytest.fixture(scope="session")
def installed(built: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Install each kind of wheel once into an environment of its own; gives the folder of its programs."""
    environments: dict[str, Path] = {}

    def get(kind: str) -> Path:
        if kind not in environments:
            environments[kind] = install(built(kind), tmp_path_factory.mktemp(f"venv_{kind}"))
        return environments[kind]

    return get


def install(wheel: Path, folder: Path) -> Path:
    venv.create(folder, with_pip=False)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    run(sys.executable, "-m", "pip", "--python", folder, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    # The dependencies come from the environment of this test run. Its own .pth files stay unread when another one names
    # it, so an editable install there sleeps; what was just installed comes first on the path.
    site = Path(
        run(programs / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    )
    ours = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (site / "dependencies.pth").write_text("\n".join(ours) + "\n", encoding="utf-8")
    return programs


def repository_files(folder: str) -> set[str]:
    """The files under a folder of the repository, without what tools leave behind."""
    paths = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    return {p.relative_to(ROOT).as_posix() for p in paths if "__pycache__" not in p.parts and p.suffix != ".so"}


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.mark.parametrize("kind", KINDS)
def test_tag_says_whether_there_is_compiled_code(kind: str, built: Callable[[str], Path]) -> None:
    wheel = built(kind)
    compiled = [name for name in names(wheel) if name.startswith("monai_gan/_native")]
    if kind == "native":
        assert f"-cp{sys.version_info.major}{sys.version_info.minor}-" in wheel.name
        assert not wheel.name.endswith("-any.whl")
        assert len(compiled) == 1
    else:
        assert wheel.name.endswith("-py3-none-any.whl")
        assert compiled == []


@pytest.mark.parametrize("kind", ["native", "pure"])
def test_wheel_holds_the_package_and_the_bundles_once(kind: str, built: Callable[[str], Path]) -> None:
    found = names(built(kind))
    assert len(found) == len(set(found))
    inside = {name for name in found if ".dist-info/" not in name and not name.startswith("monai_gan/_native")}
    bundles = {f"monai_gan/{name}" for name in repository_files("bundles")}
    assert bundles
    assert inside == repository_files("monai_gan") | bundles
    notices = {name.rpartition("/")[2] for name in found if ".dist-info/licenses/" in name}
    assert notices == {"LICENSE", "NOTICE"}


def test_source_archive_is_complete_and_free_of_clutter(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--sdist", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    (archive,) = tmp_path.glob("*.tar.gz")
    shutil.unpack_archive(archive, tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()
    files = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    needed = {"pyproject.toml", "README.md", "LICENSE", "NOTICE", "constraints.txt"}
    assert needed | repository_files("monai_gan") | repository_files("bundles") | repository_files("csrc") <= files
    clutter = {name for name in files if name.startswith((".git", ".venv", ".ci", "build/", "dist/", "demo/"))}
    assert clutter == set()
    wheel = build_wheel(source, tmp_path, "pure")
    expected = repository_files("monai_gan") | {f"monai_gan/{name}" for name in repository_files("bundles")}
    assert {name for name in names(wheel) if ".dist-info/" not in name} == expected


@pytest.mark.parametrize("kind", KINDS)
def test_installed_wheel_uses_the_backend_that_it_carries(
    kind: str, installed: Callable[[str], Path], tmp_path: Path
) -> None:
    code = """
import json, sys, torch, monai_gan
from monai_gan.ops import _native, backends, interpolate
mixed = interpolate(torch.full((2, 3), 2.0), torch.zeros(2, 3), torch.tensor([0.0, 0.5]))
json.dump({
    "package": monai_gan.__file__,
    "backend": backends()["interpolate"].name,
    "module": getattr(_native.module, "__file__", None),
    "mixed": mixed.tolist(),
}, sys.stdout)
"""
    programs = installed(kind)
    seen = json.loads(run(programs / "python", "-c", code, cwd=tmp_path))
    assert Path(seen["package"]).is_relative_to(programs.parent)
    assert seen["mixed"] == [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    if kind == "native":
        assert seen["backend"] == "native"
        assert Path(seen["module"]).is_relative_to(programs.parent)
    else:
        assert seen["backend"] == "torch"
        assert seen["module"] is None


@pytest.mark.parametrize("kind", ["native", "pure"])
def test_installed_wheel_finds_the_bundles_and_synthesizes(
    kind: str, installed: Callable[[str], Path], tmp_path: Path
) -> None:
    programs = installed(kind)
    listed = {row["name"]: row for row in json.loads(run(programs / "monai-gan", "list", "--json", cwd=tmp_path))}
    assert {"chest_xray_wgan_gp", "chest_xray_dcgan"} <= set(listed)
    command = ("synthesize", "chest_xray_wgan_gp", "-n", "2", "--seed", "0", "-o", "out")
    run(programs / "monai-gan", *command, cwd=tmp_path)
    stems = [f"chest_xray_wgan_gp_s0_{index:04d}" for index in range(2)]
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {f"{stem}{ending}" for stem in stems for ending in (".png", ".json")} <= written
    assert len({(tmp_path / "out" / f"{stem}.png").read_bytes() for stem in stems}) == 2
