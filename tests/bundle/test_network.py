from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from monai_gan.bundle import check_files, export_weights, load_network, load_state
from monai_gan.bundle.network import build_network
from monai_gan.errors import InputError, InvalidResultError, WeightsError
from monai_gan.networks.nets import DCGANGenerator

Edit = Callable[..., None]


def test_loads_ready_for_inference(bundle: Path) -> None:
    network = load_network(bundle)
    assert not network.training
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    state = load_state(bundle / "models" / "model.pt")
    assert all(torch.equal(tensor.float(), state[name].float()) for name, tensor in network.state_dict().items())
    image = network(torch.zeros(2, 4))
    assert image.shape == (2, 1, 8, 8)


def test_references_become_plain_values(bundle: Path, edit: Edit) -> None:
    def refer(config: dict[str, Any]) -> None:
        config["sizes"] = {"image": ["@side", "@side"], "side": 1}
        config["side"] = 8
        config["network_def"] |= {
            "image_size": "@sizes#image",
            "latent_size": "@_meta_::network_data_format::inputs::image::num_channels",
            "channels": "@::latent_size",
        }

    edit(bundle, "inference", refer)
    assert load_network(bundle).image_size == (8, 8)


def test_components_in_arguments_are_built(bundle: Path, edit: Edit) -> None:
    layer = {"_target_": "torch.nn.TransformerEncoderLayer", "d_model": 4, "nhead": 2, "_desc_": "one layer"}

    def nest(config: dict[str, Any]) -> None:
        config["layer"] = layer
        config["network_def"] = {"_target_": "torch.nn.TransformerEncoder", "encoder_layer": "@layer", "num_layers": 2}
        config["layer"]["batch_first"] = True

    edit(bundle, "inference", nest)
    assert len(build_network(bundle).layers) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        pytest.param({"_target_": "os.mkdir", "path": "{marker}"}, "target 'os.mkdir'", id="system_call"),
        pytest.param({"_target_": "builtins.eval", "source": "1"}, "target 'builtins.eval'", id="builtin"),
        pytest.param({"_target_": "DenseNet"}, "not a full path", id="short_name"),
        pytest.param(
            {"_target_": "torch.nn.modules.module.torch.hub.load"}, "does not exist", id="attribute_chain_out_of_torch"
        ),
        pytest.param({"_target_": "torch.nn.functional.relu"}, "not a network class", id="function"),
        pytest.param({"_target_": "torch.nn.Parameter"}, "not a network class", id="class_that_is_no_network"),
        pytest.param({"_target_": "torch.nn.Linear", "_mode_": "callable"}, "_mode_", id="callable_mode"),
        pytest.param({"_target_": "torch.nn.Linear", "_requires_": ["x"]}, "_requires_", id="requires"),
        pytest.param({"_target_": "torch.nn.Linear", "in_features": "$2"}, "expression '\\$2'", id="expression"),
        pytest.param({"_target_": "torch.nn.Linear", "in_features": "@device"}, "'device' was refused", id="reference"),
        pytest.param({"_target_": "torch.nn.Linear", "in_features": "%n"}, "macro", id="macro"),
        pytest.param(
            {"_target_": "torch.nn.Identity", "x": [{"_target_": "os.mkdir"}]}, "network_def::x::0", id="nested"
        ),
        pytest.param(
            {"_target_": "monai.networks.nets.DenseNet121", "pretrained": True}, "load other weights", id="downloads"
        ),
        pytest.param({"_target_": 3}, "target '3'", id="target_that_is_no_text"),
    ],
)
def test_what_could_run_code_is_refused(
    definition: dict[str, Any], message: str, bundle: Path, edit: Edit, tmp_path: Path
) -> None:
    marker = tmp_path / "was_here"
    definition = {k: v.format(marker=marker) if isinstance(v, str) else v for k, v in definition.items()}
    edit(bundle, "inference", lambda config: config.update(network_def=definition))
    with pytest.raises(InputError, match=message) as caught:
        load_network(bundle)
    assert "trust=True" in str(caught.value)
    assert "network_def" in str(caught.value) or "device" in str(caught.value)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"network_def": {"a": "@b"}}, "needs 'b'", id="missing_reference"),
        pytest.param({"a": "@b", "b": ["@a"], "network_def": "@a"}, "refers to itself", id="circle"),
        pytest.param({"network_def": {"spatial_dims": 2}}, "must name a network", id="no_target"),
        pytest.param(
            {"network_def": {"_target_": "torch.nn.Linear"}}, "built from the bundle's values", id="bad_arguments"
        ),
        pytest.param(
            {f"l{i}": [f"@l{i + 1}"] * 10 for i in range(9)} | {"l9": 1, "network_def": "@l0"},
            "unfolds to more than",
            id="references_that_multiply",
        ),
    ],
)
def test_definition_that_makes_no_sense(change: dict[str, Any], message: str, bundle: Path, edit: Edit) -> None:
    edit(bundle, "inference", lambda config: config.update(change))
    with pytest.raises(InputError, match=message):
        load_network(bundle)


def test_missing_definition(bundle: Path, edit: Edit) -> None:
    edit(bundle, "inference", lambda config: config.pop("network_def"))
    with pytest.raises(InputError, match="network_def"):
        load_network(bundle)


def test_trust_allows_expressions_and_runs_them(bundle: Path, edit: Edit, tmp_path: Path) -> None:
    marker = tmp_path / "was_here"
    expression = f"$__import__('os').mkdir({str(marker)!r}) or 8"
    edit(bundle, "inference", lambda config: config["network_def"].update(image_size=expression))
    with pytest.raises(InputError, match="network_def::image_size"):
        load_network(bundle)
    assert not marker.exists()
    assert load_network(bundle, trust=True)(torch.zeros(1, 4)).shape == (1, 1, 8, 8)
    assert marker.exists()


def test_failing_expression_of_a_trusted_bundle_is_one_clear_error(bundle: Path, edit: Edit) -> None:
    edit(bundle, "inference", lambda config: config["network_def"].update(image_size="$1 / 0"))
    with pytest.raises(InputError, match=r"cannot be built: division by zero; correct 'configs/inference.json'"):
        load_network(bundle, trust=True)


def test_checksum_comes_before_anything_is_built(bundle: Path, tiny: ModuleType) -> None:
    tiny.write_config(bundle, "inference", {"network_def": {"_target_": "os.system", "command": "true"}})
    with pytest.raises(WeightsError, match=r"configs/inference.json.* (is truncated|was altered)"):
        load_network(bundle)


def test_trusted_bundle_may_lack_checksums_but_not_break_them(bundle: Path, tiny: ModuleType) -> None:
    (bundle / "models" / "model.pt").write_bytes(b"broken")
    with pytest.raises(WeightsError, match="truncated"):
        load_network(bundle, trust=True)
    metadata = tiny.read_config(bundle, "metadata")
    del metadata["monai_gan"]["files"]
    tiny.write_config(bundle, "metadata", metadata)
    with pytest.raises(WeightsError, match="lists no checksums"):
        load_network(bundle)
    with pytest.raises(WeightsError, match=r"damaged|refused"):
        load_network(bundle, trust=True)


def test_weights_of_another_network(bundle: Path, edit: Edit) -> None:
    edit(bundle, "inference", lambda config: config["network_def"].update(channels=8))
    with pytest.raises(WeightsError, match=r"do not fit network_def: they give 'project.0.weight'"):
        load_network(bundle)


def test_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a bundle"):
        load_network(tmp_path)


def test_export_replaces_weights_and_refreshes_checksums(bundle: Path, tiny: ModuleType) -> None:
    torch.manual_seed(5)
    trained = DCGANGenerator(**tiny.GENERATOR)
    export_weights(trained.state_dict(), bundle)
    check_files(bundle)
    expected = trained.eval()(torch.ones(1, 4))
    torch.testing.assert_close(load_network(bundle)(torch.ones(1, 4)), expected, atol=5e-3, rtol=0)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(lambda state: state.popitem(), WeightsError, id="incomplete"),
        pytest.param(lambda state: next(iter(state.values())).fill_(float("nan")), InvalidResultError, id="not_finite"),
    ],
)
def test_export_of_bad_weights_changes_nothing(
    change: Callable[[dict[str, torch.Tensor]], Any], error: type[Exception], bundle: Path, tiny: ModuleType
) -> None:
    before = (bundle / "models" / "model.pt").read_bytes()
    state = dict(DCGANGenerator(**tiny.GENERATOR).state_dict())
    change(state)
    with pytest.raises(error):
        export_weights(state, bundle)
    assert (bundle / "models" / "model.pt").read_bytes() == before
    check_files(bundle)
