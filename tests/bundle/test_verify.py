from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from monai_gan.bundle import save_weights, verify_bundle, write_checksums
from monai_gan.bundle.files import read_json, sha256_of
from monai_gan.bundle.rules.content import EXTRA_SCHEMA, META_SCHEMA, META_SCHEMA_SHA256
from monai_gan.networks.nets import DCGANGenerator

Edit = Callable[..., None]


def failing(root: Path, trust: bool = False) -> dict[str, str]:
    return {check.name: check.detail for check in verify_bundle(root, trust) if not check.ok}


@pytest.mark.parametrize("trust", [False, True])
def test_complete_bundle_passes_every_check(bundle: Path, trust: bool) -> None:
    checks = verify_bundle(bundle, trust)
    assert [check for check in checks if not check.ok] == []
    assert len(checks) == 15
    assert all(check.detail for check in checks)


def drop(*path: str) -> Callable[[dict[str, Any]], Any]:
    """Remove a nested key of a configuration."""

    def action(config: dict[str, Any]) -> None:
        for key in path[:-1]:
            config = config[key]
        del config[path[-1]]

    return action


def put(value: Any, *path: str) -> Callable[[dict[str, Any]], Any]:
    """Set a nested key of a configuration."""

    def action(config: dict[str, Any]) -> None:
        for key in path[:-1]:
            config = config[key]
        config[path[-1]] = value

    return action


FID = {"name": "FID", "value": 1.0, "n": 8, "data": "x", "split": "test"}
PRED = ("network_data_format", "outputs", "pred")


@pytest.mark.parametrize(
    ("config", "change", "rule", "detail"),
    [
        pytest.param("metadata", drop("name"), "name", "has no name", id="no_title"),
        pytest.param(
            "metadata", put({"0.0.9": "x"}, "changelog"), "version", "no entry for version 0.1.0", id="changelog"
        ),
        pytest.param("metadata", put("0.10.0", "version"), "version", "three single digits", id="two_digit_version"),
        pytest.param("metadata", drop("authors"), "metadata", "'authors' is a required property", id="no_authors"),
        pytest.param("metadata", drop("required_packages_version"), "metadata", "required_packages", id="no_packages"),
        pytest.param(
            "metadata", put("http://x/other.json", "schema"), "metadata", "meta_schema_2024", id="other_schema"
        ),
        pytest.param(
            "metadata", drop("monai_gan", "limits"), "extra_metadata", "'limits' is a required", id="no_limits"
        ),
        pytest.param(
            "metadata", put("good", "monai_gan", "quality"), "extra_metadata", "quality", id="unknown_quality"
        ),
        pytest.param(
            "metadata", put([FID], "monai_gan", "metrics"), "extra_metadata", "has 0 entries", id="no_headline"
        ),
        pytest.param(
            "metadata",
            put([FID | {"mark": True}] * 2, "monai_gan", "metrics"),
            "extra_metadata",
            "has 2 entries",
            id="two_marks",
        ),
        pytest.param(
            "metadata", put([1, 1, 1], "monai_gan", "spacing_mm"), "extra_metadata", "3 values for 2", id="spacing"
        ),
        pytest.param("metadata", put({}, "monai_gan", "intensity"), "extra_metadata", "intensity", id="no_intensity"),
        pytest.param(
            "train",
            put("monai_gan.variants.Nope", "variant", "_target_"),
            "targets",
            "Nope' at 'variant'",
            id="no_such_class",
        ),
        pytest.param("train", put("os.system", "variant", "_target_"), "targets", "os.system", id="foreign_package"),
        pytest.param("train", put("NoSuchLoader", "variant", "_target_"), "targets", "NoSuchLoader", id="no_such_name"),
        pytest.param("train", drop("train", "inferer"), "train_properties", "train_inferer", id="no_train_inferer"),
        pytest.param("train", drop("train", "trainer", "max_epochs"), "train_properties", "max_epochs", id="no_epochs"),
        pytest.param("train", drop("run"), "train_properties", "run", id="nothing_to_run"),
        pytest.param("inference", drop("dataset_dir"), "inference_properties", "dataset_dir", id="no_dataset_dir"),
        pytest.param(
            "inference",
            put("@other", "evaluator", "val_handlers"),
            "inference_properties",
            "handlers is '@other' instead of '@handlers'",
            id="handlers_elsewhere",
        ),
        pytest.param("inference", put("cuda:0", "device"), "cpu", "is_available", id="needs_a_gpu"),
        pytest.param("metadata", put([0, 0.1], *PRED, "value_range"), "network", "value_range stated", id="range"),
        pytest.param(
            "metadata", put([16, 16], *PRED, "spatial_shape"), "network", "(1, 16, 16)", id="size_of_the_image"
        ),
        pytest.param("metadata", put("float64", *PRED, "dtype"), "net_in_out", "float64", id="type_of_the_image"),
    ],
)
def test_each_fault_fails_its_check(
    config: str, change: Callable[[dict[str, Any]], Any], rule: str, detail: str, bundle: Path, edit: Edit
) -> None:
    edit(bundle, config, change)
    failed = failing(bundle)
    assert set(failed) == {rule}
    assert detail in failed[rule]


def test_malformed_output_is_seen_by_every_rule_that_reads_it(bundle: Path, edit: Edit) -> None:
    edit(bundle, "metadata", put([], *PRED))
    failed = failing(bundle)
    assert set(failed) == {"metadata", "network", "net_in_out"}
    assert "must give num_channels and spatial_shape" in failed["network"]


def test_only_a_demo_may_have_no_figures(bundle: Path, edit: Edit) -> None:
    edit(bundle, "metadata", put([], "monai_gan", "metrics"))
    assert failing(bundle) == {}
    edit(bundle, "metadata", put("release", "monai_gan", "quality"))
    assert set(failing(bundle)) == {"extra_metadata"}


def test_several_missing_properties_are_all_named(bundle: Path, edit: Edit) -> None:
    edit(bundle, "inference", lambda config: [config.pop(key) for key in ("dataset_dir", "inferer", "evaluator")])
    detail = failing(bundle)["inference_properties"]
    assert all(f"{name} (id '{name}')" in detail for name in ("dataset_dir", "inferer", "evaluator"))


@pytest.mark.parametrize(
    ("file", "content", "rule"),
    [
        pytest.param("docs/data_license.txt", None, "layout", id="no_data_licence"),
        pytest.param("LICENSE", "", "layout", id="empty_licence"),
        pytest.param("configs/evaluate.yaml", "a: 1", "json", id="yaml"),
        pytest.param("configs/evaluate.json", "{", "json", id="broken_json"),
        pytest.param("scripts/networks.py", "import os", "no_code", id="scripts"),
        pytest.param("docs/huge.bin", "x" * 5_000_000, "size", id="too_large"),
    ],
)
def test_faults_of_files(file: str, content: str | None, rule: str, bundle: Path) -> None:
    path = bundle / file
    path.parent.mkdir(exist_ok=True)
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    write_checksums(bundle)
    failed = failing(bundle)
    assert set(failed) == {rule}
    assert path.name in failed[rule] or rule in ("no_code", "size")


def test_changed_and_unlisted_files_fail_the_checksums(bundle: Path) -> None:
    (bundle / "docs" / "README.md").write_text("changed after the checksums were written")
    (bundle / "docs" / "new.md").write_text("new")
    failed = failing(bundle)
    assert set(failed) == {"checksums"}
    assert "'docs/README.md'" in failed["checksums"]
    assert "'docs/new.md' has no checksum" in failed["checksums"]


def test_missing_weights(bundle: Path) -> None:
    (bundle / "models" / "model.pt").unlink()
    assert set(failing(bundle)) == {"layout", "checksums", "network"}


def test_weights_that_must_not_be_used_are_told_apart(bundle: Path, edit: Edit) -> None:
    torch.save({"a": Path("an object, no tensor")}, bundle / "models" / "model.pt")
    assert {check.name for check in verify_bundle(bundle) if check.unsafe} == {"checksums", "network"}
    write_checksums(bundle)
    assert {check.name for check in verify_bundle(bundle) if check.unsafe} == {"network"}
    edit(bundle, "metadata", drop("authors"))
    assert not any(check.unsafe for check in verify_bundle(bundle) if check.name == "metadata")


def test_weights_of_another_network(bundle: Path, tiny: ModuleType) -> None:
    save_weights(DCGANGenerator(**tiny.GENERATOR | {"latent_size": 5}), bundle / "models" / "model.pt")
    write_checksums(bundle)
    failed = failing(bundle)
    assert set(failed) == {"network"}
    assert "shape" in failed["network"]


def test_name_of_the_folder(make_bundle: Callable[..., Path]) -> None:
    assert set(failing(make_bundle(name="Tiny-Bundle"))) == {"name"}


def test_no_bundle_at_all(tmp_path: Path) -> None:
    assert set(failing(tmp_path)) == {"layout"}


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"monai_gan": 3}', '{"network_data_format": 1}'])
def test_never_raises(content: str, bundle: Path) -> None:
    (bundle / "configs" / "metadata.json").write_text(content)
    failed = failing(bundle)
    assert {"metadata", "extra_metadata", "name", "version"} <= set(failed)
    assert all(failed.values())


def test_untrusted_bundle_runs_no_code(bundle: Path, edit: Edit, tmp_path: Path) -> None:
    marker = tmp_path / "was_here"
    expression = f"$__import__('os').mkdir({str(marker)!r}) or 8"
    edit(bundle, "inference", lambda config: config["network_def"].update(image_size=expression))
    assert set(failing(bundle)) == {"network", "net_in_out"}
    assert not marker.exists()
    # Trusted, MONAI's own verifier runs it; that the network needs no trust is still asked of every bundle.
    assert set(failing(bundle, trust=True)) == {"network"}
    assert marker.exists()


def test_verify_leaves_the_bundle_as_it_was(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {file: file.read_bytes() for file in bundle.rglob("*") if file.is_file()}
    verify_bundle(bundle, trust=True)
    assert {file: file.read_bytes() for file in bundle.rglob("*") if file.is_file()} == before
    assert capsys.readouterr().out == ""


def test_shipped_schemas(bundle: Path) -> None:
    import jsonschema

    assert sha256_of(META_SCHEMA) == META_SCHEMA_SHA256
    for schema in (META_SCHEMA, EXTRA_SCHEMA):
        jsonschema.Draft201909Validator.check_schema(read_json(schema))
    assert "Project-MONAI" in (META_SCHEMA.parent / "NOTICE").read_text()


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_monai_workflow_runs_what_verify_accepts(bundle: Path) -> None:
    from monai.bundle import ConfigWorkflow

    config = bundle / "configs" / "inference.json"
    workflow = ConfigWorkflow(str(config), workflow_type="inference", logging_file=False, bundle_root=str(bundle))
    workflow.initialize()
    assert workflow.check_properties() == []
    workflow.run()
    assert workflow.evaluator.state.iteration == 2
    assert torch.isfinite(workflow.evaluator.state.output[0]["pred"]).all()
