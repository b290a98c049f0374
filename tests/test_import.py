"""Importing is cheap, the data of the package can be found, and the backend that was asked for is the loaded one."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import monai_gan
from monai_gan.ops import _native, backends


def run_python(code: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter, from a folder that is not the source tree."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_import_is_lazy(tmp_path: Path) -> None:
    code = """
import json, sys
import monai_gan
version, names = monai_gan.__version__, dir(monai_gan)
heavy = [m for m in ("torch", "numpy", "monai", "ignite", "triton", "nibabel", "typer", "rich") if m in sys.modules]
json.dump({"heavy": heavy, "version": version, "names": names}, sys.stdout)
"""
    result = run_python(code, tmp_path)
    assert result.returncode == 0, result.stderr
    seen = json.loads(result.stdout)
    assert seen["heavy"] == []
    assert seen["version"] == importlib.metadata.version("monai-gan")
    assert {"apps", "losses", "networks", "variants", "ops"} <= set(seen["names"])


@pytest.mark.parametrize("room", ["errors", "ops", "bundle", "apps", "cli", "viewer"])
def test_cheap_rooms_load_no_framework_and_touch_no_gpu(room: str, tmp_path: Path) -> None:
    code = f"""
import json, sys
import monai_gan
getattr(monai_gan, {room!r})
torch = sys.modules.get("torch")
json.dump({{
    "heavy": [m for m in ("monai", "ignite", "triton", "torch", "trame", "slicer") if m in sys.modules],
    "gpu": torch is not None and torch.cuda.is_initialized(),
}}, sys.stdout)
"""
    result = run_python(code, tmp_path)
    assert result.returncode == 0, result.stderr
    seen = json.loads(result.stdout)
    assert not seen["gpu"]
    # The operations are made of torch; every other cheap room starts without it.
    assert seen["heavy"] == (["torch"] if room == "ops" else [])


def test_rooms_are_reached_as_attributes(tmp_path: Path) -> None:
    result = run_python("import monai_gan; print(monai_gan.errors.InputError.exit_code)", tmp_path)
    assert result.stdout.strip() == "2", result.stderr


def test_unknown_attribute_names_the_rooms() -> None:
    with pytest.raises(AttributeError, match=r"no attribute .lossess.; its rooms are .*losses"):
        _ = monai_gan.lossess


def test_every_room_of_the_package_is_reachable() -> None:
    folder = Path(str(monai_gan.__file__)).parent
    rooms = {path.parent.name for path in folder.glob("*/__init__.py")} | {"errors"}
    assert rooms <= set(dir(monai_gan))


def test_version_is_the_installed_one() -> None:
    assert monai_gan.__version__ == importlib.metadata.version("monai-gan")


def test_bundles_are_package_data() -> None:
    bundles = importlib.resources.files("monai_gan") / "bundles"
    assert bundles.is_dir()
    assert (bundles / "chest_xray_wgan_gp" / "configs" / "metadata.json").is_file()


def test_the_loaded_backend_is_the_one_asked_for() -> None:
    backend = backends()["interpolate"]
    if os.environ.get("MONAI_GAN_REQUIRE_NATIVE", "") not in ("", "0"):
        assert backend.name == "native"
        assert "_native" in sys.modules["monai_gan._native"].__file__
    else:
        expected = "native" if "monai_gan._native" in sys.modules else "torch"
        assert backend.name == expected
    assert backend.reason


def test_required_but_missing_native_module_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    code = "import sys; sys.modules['monai_gan._native'] = None; import monai_gan.ops"
    result = run_python(code, tmp_path, MONAI_GAN_REQUIRE_NATIVE="1")
    assert result.returncode != 0
    assert "MONAI_GAN_REQUIRE_NATIVE" in result.stderr
    assert "install a C++ compiler" in result.stderr


_OLD_MODULE = "import sys, types; sys.modules['monai_gan._native'] = types.ModuleType('old')"


def test_native_module_of_other_sources_is_not_used_and_the_remedy_is_said_once(tmp_path: Path) -> None:
    code = f"""
{_OLD_MODULE}
import torch
from monai_gan.ops import backends, interpolate
interpolate(torch.ones(1, 2), torch.zeros(1, 2), torch.ones(1))
assert backends("cpu")["interpolate"].name == "torch", backends("cpu")
assert "contract 0" in backends("cpu")["interpolate"].reason
"""
    result = run_python(code, tmp_path, MONAI_GAN_REQUIRE_NATIVE="")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("was built from other sources (contract 0") == 1
    assert "make install" in result.stderr


def test_required_native_module_of_other_sources_is_an_error(tmp_path: Path) -> None:
    result = run_python(f"{_OLD_MODULE}; import monai_gan.ops", tmp_path, MONAI_GAN_REQUIRE_NATIVE="1")
    assert result.returncode != 0
    assert "was built from other sources" in result.stderr
    assert "make install" in result.stderr


def test_native_module_and_package_have_agreed_on_one_contract() -> None:
    stated = re.search(r"kContract = (\d+)", (Path(__file__).parents[1] / "csrc" / "contract.h").read_text())
    assert stated is not None
    assert int(stated[1]) == _native.CONTRACT


def test_missing_native_module_is_said_once_and_torch_serves(tmp_path: Path) -> None:
    code = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(name)s %(levelname)s %(message)s")
sys.modules["monai_gan._native"] = None
import torch
from monai_gan.ops import backends, interpolate
interpolate(torch.ones(1, 2), torch.zeros(1, 2), torch.ones(1))
assert backends()["interpolate"].name == "torch", backends()
"""
    result = run_python(code, tmp_path, MONAI_GAN_REQUIRE_NATIVE="")
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stdout.splitlines() if line.startswith("monai_gan")]
    assert len(lines) == 1
    assert "INFO" in lines[0]
    assert "plain torch serves" in lines[0]


def test_package_runs_as_a_module(tmp_path: Path) -> None:
    shown = [
        subprocess.run(
            [*command, "--help"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
        ).stdout
        for command in ([sys.executable, "-m", "monai_gan"], [str(Path(sys.executable).with_name("monai-gan"))])
    ]
    assert "synthesize" in shown[0]
    assert shown[0] == shown[1]
