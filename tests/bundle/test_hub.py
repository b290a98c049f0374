"""Pushing to a hub, against a stand-in of its protocol: not the hub itself, and not its newer storage protocol."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from loopback_hub import TOKEN, LoopbackHub

from monai_gan.bundle import check_files, push_to_hub, write_checksums
from monai_gan.errors import InputError, MissingExtraError, WeightsError


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LoopbackHub]:
    """A stand-in that huggingface_hub takes for the hub; its constants are what it made of the environment."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub_cache"))
    monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(tmp_path / "harnesses.json"), raising=False)
    with LoopbackHub() as server:
        point_to(server.address, monkeypatch)
        yield server


def point_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    template = address + constants.HUGGINGFACE_CO_URL_TEMPLATE.removeprefix(constants.ENDPOINT)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", address)


def test_the_bundle_goes_up_and_nothing_else(hub: LoopbackHub, bundle: Path) -> None:
    (bundle / "runs").mkdir()
    (bundle / "runs" / "patients.npz").write_text("private")
    before = set(bundle.rglob("*"))
    address = push_to_hub(bundle, "clinic/tiny")
    repository = hub.repositories["clinic/tiny"]
    listed = {file.relative_to(bundle).as_posix() for file in bundle.rglob("*") if file.is_file()}
    # MONAI puts the model card where a hub shows it.
    assert set(repository.files) == listed - {"runs/patients.npz"} | {"README.md"}
    assert repository.files["models/model.pt"] == (bundle / "models" / "model.pt").read_bytes()
    assert repository.private
    assert repository.commits == ["tiny_dcgan 0.1.0"]
    assert repository.tags == {"0.1.0": repository.head}
    assert address == f"{hub.address}/clinic/tiny/commit/{repository.head}"
    assert set(bundle.rglob("*")) == before


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_monai_downloads_what_was_pushed(hub: LoopbackHub, bundle: Path, tmp_path: Path) -> None:
    from monai.bundle import download

    push_to_hub(bundle, "clinic/tiny", private=False)
    assert not hub.repositories["clinic/tiny"].private
    options = {"source": "huggingface_hub", "repo": "clinic/tiny", "version": "0.1.0", "progress": False}
    download(name="tiny_dcgan", bundle_dir=tmp_path / "from_hub", **options)
    check_files(tmp_path / "from_hub" / "tiny_dcgan")


def test_a_version_that_was_pushed_does_not_change(hub: LoopbackHub, bundle: Path) -> None:
    push_to_hub(bundle, "clinic/tiny")
    (bundle / "LICENSE").write_text("other terms")
    write_checksums(bundle)
    with pytest.raises(InputError, match="has version 0.1.0 of 'tiny_dcgan' already: raise the bundle's version"):
        push_to_hub(bundle, "clinic/tiny")
    assert hub.repositories["clinic/tiny"].commits == ["tiny_dcgan 0.1.0"]


@pytest.mark.parametrize(("token", "refuse"), [("hf_wrong", 0), (TOKEN, 403)], ids=["unknown_user", "no_rights"])
def test_a_refusal_names_the_login(
    hub: LoopbackHub, bundle: Path, monkeypatch: pytest.MonkeyPatch, token: str, refuse: int
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    hub.refuse = refuse
    with pytest.raises(InputError, match="'clinic/tiny' cannot be pushed to .*hf auth login"):
        push_to_hub(bundle, "clinic/tiny")
    assert hub.repositories == {}


def test_a_hub_that_is_gone(hub: LoopbackHub, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopbackHub() as gone:
        pass
    point_to(gone.address, monkeypatch)
    with pytest.raises(InputError, match="cannot be pushed to"):
        push_to_hub(bundle, "clinic/tiny")


def test_what_is_wrong_is_found_before_the_hub_is_asked(hub: LoopbackHub, bundle: Path) -> None:
    with pytest.raises(InputError, match="give owner/name"):
        push_to_hub(bundle, "tiny")
    (bundle / "LICENSE").write_text("altered")
    with pytest.raises(WeightsError, match="LICENSE"):
        push_to_hub(bundle, "clinic/tiny")
    assert hub.paths == []


def test_without_the_extra(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'monai-gan\[hub\]'"):
        push_to_hub(bundle, "clinic/tiny")
