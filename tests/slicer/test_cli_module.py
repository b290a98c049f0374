"""MONAIGANCLI by itself, and run by Slicer's own engine for command line modules."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from cli_engine import CLIEngine, EngineMissing
from mrml_scenes import OBLIQUE, add_volume, fingerprint
from tiny_volume_bundle import build_volume_bundle

from monai_gan.apps.request import task_fields
from monai_gan.data import read_image, read_provenance, write_image
from monai_gan.mrml import volume_array
from monai_gan.mrml.exchange import affine_of

Run = Callable[..., "Done"]


@pytest.fixture(scope="session")
def program(extension: Path) -> Path:
    return extension / "MONAIGANCLI" / "MONAIGANCLI.py"


@pytest.fixture(scope="session")
def description(program: Path) -> ElementTree.Element:
    return ElementTree.parse(program.with_suffix(".xml")).getroot()


@pytest.fixture(scope="session")
def module(program: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("MONAIGANCLI", program)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def translator(tiny: Path) -> Path:
    return build_volume_bundle(tiny.parent)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@dataclass
class Done:
    """What a run left."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(module: ModuleType, temporary: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the program within the test's process; the engine's tests run it as a program."""

    def run(*words: object) -> Done:
        capsys.readouterr()
        code = module.run(module.parser().parse_args([str(word) for word in words]))
        return Done(code, *capsys.readouterr())

    return run


def voxels() -> np.ndarray:
    return np.random.default_rng(0).uniform(10, 90, size=(7, 12, 16)).astype(np.float32)


def names(description: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in description.iter("name")]


def test_the_words_of_the_description_are_those_of_the_program_and_of_a_request(
    description: ElementTree.Element, module: ModuleType
) -> None:
    words = {name: getattr(module.parser().parse_args([]), name) for name in names(description)}
    assert set(words) == set(vars(module.parser().parse_args([])))
    known: set[str] = set()
    for element in description.iter("element"):
        if element.text != "anomaly_detection":
            known |= set(task_fields(element.text or ""))
    assert set(words) <= known
    for element in description.iter():
        name = element.findtext("name")
        if name is None:
            continue
        assert element.findtext("longflag") == f"--{name}"
        default = element.findtext("default")
        if default is not None and element.tag != "boolean":
            assert str(words[name]) == default


def test_every_task_is_offered(description: ElementTree.Element) -> None:
    offered = [element.text for element in description.iter("element")]
    assert offered == ["synthesis", "translation", "enhancement", "anomaly_detection"]


@pytest.mark.parametrize("ending", ["nrrd", "nii.gz"])
def test_translation_from_file_to_file(
    ending: str, run: Run, translator: Path, tmp_path: Path, temporary: Path
) -> None:
    source = write_image(tmp_path / "in.nrrd", voxels().transpose(2, 1, 0)[None], affine=OBLIQUE)
    target = tmp_path / f"out.{ending}"
    done = run("--bundle", translator.name, "--input", source, "--output", target, "--device", "cpu")
    assert done.code == 0, done.err
    image = read_image(target)
    np.testing.assert_allclose(image.affine.numpy(), OBLIQUE, atol=1e-4)
    origin = read_provenance(target)
    assert origin is not None
    assert origin.bundle == translator.name
    assert "<filter-start>" in done.out
    progress = [float(line[17:-18]) for line in done.out.splitlines() if line.startswith("<filter-progress>")]
    assert progress == sorted(progress)
    assert progress[-1] == 1
    assert done.out.rstrip().endswith("</filter-end>")
    assert list(temporary.iterdir()) == []
    assert sorted(path.name for path in tmp_path.glob("*out*")) == [f"out.{ending}"]


def test_synthesis_needs_no_input(run: Run, tiny: Path, tmp_path: Path) -> None:
    for seed in (3, 3, 4):
        target = tmp_path / f"{len(list(tmp_path.glob('*.nrrd')))}.nrrd"
        done = run("--task", "synthesis", "--bundle", tiny.name, "--seed", seed, "--output", target)
        assert done.code == 0, done.err
    first, again, other = (read_image(tmp_path / f"{number}.nrrd").numpy() for number in range(3))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        pytest.param({"--output": None}, 2, "Choose an output volume", id="no-output"),
        pytest.param({"--input": None}, 2, "Choose an input volume", id="no-input"),
        pytest.param({"--task": "cooking"}, 2, "task='cooking' is unknown", id="task"),
        pytest.param({"--bundle": "tiny_translatr"}, 2, "did you mean 'tiny_translator'", id="bundle"),
        pytest.param({"--bundle": "tiny_dcgan"}, 2, "is for 'synthesis'", id="other-task"),
        pytest.param({"--output": "out.mha"}, 2, "another ending", id="ending"),
        pytest.param({"--device": "cuda:99"}, 2, "cuda:99", id="device"),
    ],
)
def test_bad_words_are_explained(
    words: dict[str, str | None], code: int, text: str, run: Run, translator: Path, tmp_path: Path, temporary: Path
) -> None:
    source = write_image(tmp_path / "in.nrrd", voxels()[None])
    good = {"--bundle": translator.name, "--input": str(source), "--output": str(tmp_path / "out.nrrd")}
    given = [part for name, value in {**good, **words}.items() if value is not None for part in (name, value)]
    done = run(*given)
    assert done.code == code
    assert text in done.err
    assert "Traceback" not in done.err
    assert not list(tmp_path.glob("*out*"))
    assert list(temporary.iterdir()) == []


def test_without_the_package_it_says_where_to_install_it(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "monai_gan.apps", None)
    assert module.run(module.parser().parse_args(["--output", "o.nrrd"])) == 1
    assert "open the module MONAI GAN and press Install" in capsys.readouterr().err


def test_a_task_that_takes_several_inputs_gets_a_list(module: ModuleType) -> None:
    words = module.parser().parse_args(["--task", "anomaly_detection", "--input", "a.nrrd", "--seed", "3"])
    fields = {"task": {}, "bundle": {}, "input": {"type": "array"}, "output": {}}
    assert module.build_request(words, fields, "/tmp/x")["input"] == ["a.nrrd"]
    assert "seed" not in module.build_request(words, fields, "/tmp/x")


def test_leftovers_of_killed_runs_are_removed(module: ModuleType, tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for name in (f"monai_gan_cli_{gone.pid}_a", f"monai_gan_cli_{os.getpid()}_b", "monai_gan_cli_x", "other"):
        (tmp_path / name).mkdir()
    module.remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"monai_gan_cli_{os.getpid()}_b",
        "monai_gan_cli_x",
        "other",
    ]


@pytest.fixture
def engine(scene: Any, program: Path, tmp_path: Path) -> Iterator[CLIEngine]:
    folder = tmp_path / "engine"
    folder.mkdir()
    try:
        made = CLIEngine(scene, program.with_suffix(".xml"), program, folder)
    except EngineMissing as error:
        pytest.skip(f"this slicer-core does not let a module's description in ({error})")
    yield made
    made.close()


def test_slicers_engine_reads_the_description(engine: CLIEngine, description: ElementTree.Element) -> None:
    node = engine.scene.AddNewNodeByClass("vtkMRMLCommandLineModuleNode")
    engine._give(node)
    found = [
        node.GetParameterName(group, place)
        for group in range(node.GetNumberOfParameterGroups())
        for place in range(node.GetNumberOfParametersInGroup(group))
    ]
    assert found == names(description)
    assert node.GetParameterAsString("task") == "translation"


def test_slicers_engine_runs_the_module_and_reads_the_result(
    engine: CLIEngine, translator: Path, scene: Any, temporary: Path
) -> None:
    source = add_volume(scene, voxels())
    target = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "out")
    words = {"bundle": translator.name, "input": source, "output": target, "device": "cpu"}
    node = engine.start(words)
    progress = engine.wait(node)
    assert node.GetStatusString() == "Completed", node.GetErrorText()
    assert max(progress) >= 50
    np.testing.assert_allclose(affine_of(target), OBLIQUE, atol=1e-4)
    assert volume_array(target).shape == (7, 12, 16)
    # Slicer reads no attributes out of a module's file: how the volume was made stands in the module's node.
    assert node.GetParameterAsString("bundle") == translator.name
    assert node.GetParameterAsString("output") == target.GetID()


def test_slicers_engine_shows_why_it_failed(engine: CLIEngine, translator: Path, scene: Any) -> None:
    source = add_volume(scene, voxels())
    target = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "out")
    node = engine.start({"bundle": "nothing", "input": source, "output": target})
    engine.wait(node)
    assert node.GetStatusString() == "Completed with errors"
    assert "No bundle is named 'nothing'" in node.GetErrorText()
    assert target.GetImageData() is None


def test_slicers_engine_cancels_the_module(engine: CLIEngine, tiny: Path, scene: Any) -> None:
    target = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "out")
    before = fingerprint(scene)
    node = engine.start({"task": "synthesis", "bundle": tiny.name, "output": target})
    end = time.monotonic() + 30
    while node.GetStatusString() != "Running" and time.monotonic() < end:
        engine.turn()
    node.Cancel()
    began = time.monotonic()
    engine.wait(node)
    assert time.monotonic() - began < 10  # aimed at 3; a loaded machine is slower
    assert node.GetStatusString() == "Cancelled"
    scene.RemoveNode(node)
    assert fingerprint(scene) == before
