from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import monai_gan
from monai_gan.bundle import BundleInfo, find_bundle, is_packaged, list_bundles, pack_bundle
from monai_gan.bundle import locate as locate_module
from monai_gan.errors import InputError

Make = Callable[..., Path]


def test_path_of_a_folder(bundle: Path) -> None:
    assert find_bundle(bundle) == bundle.resolve()
    assert find_bundle(f"{bundle}/") == bundle.resolve()


def test_path_of_a_zip_is_unpacked_into_the_cache(bundle: Path, tmp_path: Path) -> None:
    found = find_bundle(pack_bundle(bundle, tmp_path / "zips"))
    assert found.is_relative_to(tmp_path / "cache")
    assert found.name == "tiny_dcgan"
    assert (found / "models" / "model.pt").read_bytes() == (bundle / "models" / "model.pt").read_bytes()


def test_search_order(make_bundle: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MONAI_GAN_BUNDLES", os.pathsep.join([str(tmp_path / "a"), "", str(tmp_path / "b")]))
    # From the last place to the first: each new one hides the ones before.
    for folder in ("cache", "packaged", "b", "a", "."):
        expected = make_bundle(folder, name="same")
        assert find_bundle("same") == expected.resolve()


def test_name_in_an_unrelated_folder_is_still_searched(
    make_bundle: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = make_bundle("packaged", name="same")
    (tmp_path / "work" / "same").mkdir(parents=True)  # for instance the output of a command
    monkeypatch.chdir(tmp_path / "work")
    assert find_bundle("same") == expected.resolve()


def test_highest_version_of_zips_wins(make_bundle: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("0.9.0", "0.10.0"):
        pack_bundle(make_bundle(version, version=version), tmp_path / "zips")
    monkeypatch.setenv("MONAI_GAN_BUNDLES", str(tmp_path / "zips"))
    assert BundleInfo.from_path(find_bundle("tiny_dcgan")).version == "0.10.0"
    assert [info.version for info in list_bundles()] == ["0.10.0"]


def test_unknown_name_suggests_the_nearest_and_says_where_it_looked(make_bundle: Make, tmp_path: Path) -> None:
    for name in ("chest_xray_wgan_gp", "chest_xray_dcgan", "hippocampus_stylegan"):
        make_bundle("packaged", name=name)
    with pytest.raises(InputError) as caught:
        find_bundle("Chest_xray_wgan")
    text = str(caught.value)
    assert "did you mean 'chest_xray_wgan_gp'" in text
    assert "hippocampus" not in text
    assert str(tmp_path / "packaged") in text
    assert str(tmp_path / "cache") in text
    assert caught.value.exit_code == 2


def test_unknown_name_without_any_like_it_lists_all(packaged: Path) -> None:
    with pytest.raises(InputError, match="the bundles that are there are tiny_dcgan"):
        find_bundle("zebra")


def test_unknown_name_without_any_bundle_names_the_variable() -> None:
    with pytest.raises(InputError, match="set MONAI_GAN_BUNDLES"):
        find_bundle("zebra")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("", "name is empty", id="empty"),
        pytest.param("  ", "name is empty", id="blank"),
        pytest.param("no/such/path", "does not exist", id="missing_path"),
        pytest.param("missing.zip", "does not exist", id="missing_zip"),
        pytest.param("{tmp}", "lacks 'configs/metadata.json'", id="folder_that_is_no_bundle"),
        pytest.param("{tmp}/text.txt", "is a file", id="file_that_is_no_zip"),
        pytest.param("{tmp}/text.zip", "no zip archive", id="zip_that_is_none"),
    ],
)
def test_bad_path(name: str, message: str, tmp_path: Path) -> None:
    for file in ("text.txt", "text.zip"):
        (tmp_path / file).write_text("not a bundle")
    with pytest.raises(InputError, match=message):
        find_bundle(name.format(tmp=tmp_path))


def test_list_filters_hides_and_sorts(make_bundle: Make, edit: Callable[..., None], tmp_path: Path) -> None:
    make_bundle("packaged", name="zebra")
    make_bundle("packaged", name="apple", version="0.2.0")
    make_bundle("cache", name="apple", version="0.1.0")
    other = make_bundle("cache", name="mango")
    edit(other, "metadata", lambda m: m["monai_gan"].update(task="translation"))
    assert [(info.name, info.version) for info in list_bundles()] == [
        ("apple", "0.2.0"),
        ("mango", "0.1.0"),
        ("zebra", "0.1.0"),
    ]
    assert [info.name for info in list_bundles("translation")] == ["mango"]
    assert list_bundles("enhancement") == []


def test_list_leaves_out_a_broken_bundle_and_says_so(
    make_bundle: Make, packaged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = make_bundle("packaged", name="broken")
    (broken / "configs" / "metadata.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        assert [info.name for info in list_bundles()] == ["tiny_dcgan"]
    assert "broken" in caplog.text


def test_packaged_is_told_by_place(bundle: Path, packaged: Path) -> None:
    assert is_packaged(packaged)
    assert not is_packaged(bundle)
    assert not is_packaged(packaged / ".." / ".." / "outside" / "tiny_dcgan")


def test_packaged_roots_of_a_source_tree_need_its_own_project_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the real function, not the stand-in of these tests
    package = tmp_path / "monai_gan" / "bundle"
    package.mkdir(parents=True)
    monkeypatch.setattr(locate_module, "__file__", str(package / "locate.py"))
    monkeypatch.setattr("monai_gan.bundle.locate.resources.files", lambda _: tmp_path / "monai_gan")
    (tmp_path / "bundles").mkdir()
    assert locate_module.packaged_roots() == []
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "somebody-elses"\n')
    assert locate_module.packaged_roots() == []
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "monai-gan"\n')
    assert locate_module.packaged_roots() == [tmp_path / "bundles"]
    (tmp_path / "monai_gan" / "bundles").mkdir()
    assert locate_module.packaged_roots() == [tmp_path / "monai_gan" / "bundles", tmp_path / "bundles"]


def test_import_is_cheap() -> None:
    heavy = {"torch", "monai", "ignite", "jsonschema"}
    code = f"import sys, monai_gan.bundle; print({heavy} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(Path(monai_gan.__file__).parents[1])}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert result.stdout.strip() == "set()"
