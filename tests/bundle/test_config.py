from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monai_gan.bundle import load_config, parse_overrides
from monai_gan.errors import InputError

Edit = Callable[..., None]


def test_packaged_bundle_is_read_as_it_is(packaged: Path) -> None:
    parser = load_config(packaged)
    assert parser.get_parsed_content("dataset_dir") == f"{packaged.resolve()}/data"
    assert parser["_meta_::version"] == "0.1.0"
    assert type(parser.get_parsed_content("network_def")).__name__ == "DCGANGenerator"


def test_bundle_from_outside_needs_trust(bundle: Path) -> None:
    with pytest.raises(
        InputError, match=r"refused at 'imports::0': the expression '\$import torch' runs code"
    ) as caught:
        load_config(bundle)
    assert "trust=True" in str(caught.value)
    assert load_config(bundle, trust=True)["max_epochs"] == 2


@pytest.mark.parametrize(
    ("file", "change", "place"),
    [
        pytest.param("train", {"x": "$print(1)"}, "'x'", id="expression"),
        pytest.param("train", {"x": [{"y": "%other.json::z"}]}, "'x::0::y'", id="macro"),
        pytest.param("train", {"x": {"_target_": "os.system"}}, "'x'", id="target"),
        pytest.param("metadata", {"x": "$import evil"}, "'x'", id="expression_in_the_metadata"),
    ],
)
def test_data_only_configuration_needs_no_trust_until_it_holds_code(
    file: str, change: dict[str, Any], place: str, bundle: Path, edit: Edit, tiny: Any
) -> None:
    tiny.write_config(
        bundle, "train", {"bundle_root": ".", "seed": 1, "network_def": {"_target_": "torch.nn.Identity"}}
    )
    assert load_config(bundle).get_parsed_content("network_def") is not None
    edit(bundle, file, lambda config: config.update(change))
    with pytest.raises(InputError, match=f"{file}.json' was refused at {place}"):
        load_config(bundle)


def test_overlay_changes_nested_items(packaged: Path) -> None:
    parser = load_config(packaged, overlays=["multi_gpu_train"])
    assert parser["train::dataloader::num_workers"] == 0
    assert "get_rank" in parser["device"]
    assert parser["train::dataloader::batch_size"] == "@batch_size"


def test_overrides_come_after_overlays(packaged: Path) -> None:
    parser = load_config(packaged, overrides={"device": "cpu"}, overlays=["multi_gpu_train"])
    assert parser["device"] == "cpu"


@pytest.mark.parametrize("name", ["evaluate", "metadata/../train", "../configs/train"])
def test_unknown_configuration_lists_those_there(name: str, packaged: Path) -> None:
    with pytest.raises(InputError, match="it has inference, multi_gpu_train, train"):
        load_config(packaged, name)


def test_broken_json_names_the_line(packaged: Path) -> None:
    (packaged / "configs" / "train.json").write_text('{\n\n"seed" 1}')
    with pytest.raises(InputError, match=r"train.json' is not valid JSON.*line 3"):
        load_config(packaged)


def test_overlay_that_cannot_be_merged(packaged: Path, edit: Edit) -> None:
    edit(packaged, "multi_gpu_train", lambda config: config.update({"seed::deeper::still": 1}))
    with pytest.raises(InputError, match="cannot be merged"):
        load_config(packaged, overlays=["multi_gpu_train"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("3", 3, id="integer"),
        pytest.param("1e-4", 1e-4, id="scientific"),
        pytest.param("-0.5", -0.5, id="negative"),
        pytest.param("true", True, id="json_true"),
        pytest.param("False", False, id="python_false"),
        pytest.param("null", None, id="json_null"),
        pytest.param("None", None, id="python_none"),
        pytest.param("[1, 2]", [1, 2], id="list"),
        pytest.param('{"a": [1]}', {"a": [1]}, id="object"),
        pytest.param('"text"', "text", id="json_text"),
        pytest.param("'3'", "3", id="python_text"),
        pytest.param("bf16", "bf16", id="word"),
        pytest.param("a=b", "a=b", id="value_with_equals_sign"),
        pytest.param("$1 + 1", "$1 + 1", id="expression_of_the_user"),
        pytest.param("@batch_size", "@batch_size", id="reference"),
        pytest.param("", "", id="empty"),
        pytest.param("(" * 500, "(" * 500, id="nonsense"),
    ],
)
def test_values_are_read_as_literals(text: str, value: object, packaged: Path) -> None:
    parser = load_config(packaged, overrides=parse_overrides([f"run={text}"]))
    assert parser["run"] == value
    assert type(parser["run"]) is type(value)


@pytest.mark.parametrize("text", ["abc", "nan", "1e-4x", ""])
def test_text_is_refused_where_the_configuration_holds_a_number(text: str, packaged: Path) -> None:
    with pytest.raises(InputError, match=rf"max_epochs={text} is not a number: the configuration has \d+ there"):
        load_config(packaged, overrides={"max_epochs": text})


@pytest.mark.parametrize("text", ["$1 + 1", "@batch_size", "3", "null"])
def test_what_can_stand_for_a_number_is_accepted(text: str, packaged: Path) -> None:
    load_config(packaged, overrides={"max_epochs": text})


def test_number_stays_text_where_the_configuration_holds_text(packaged: Path) -> None:
    parser = load_config(packaged, overrides={"precision": "2024", "device": '["cuda"]'})
    assert parser["precision"] == "2024"
    assert parser["device"] == ["cuda"]


def test_typed_values_are_taken_as_they_are(packaged: Path) -> None:
    assert load_config(packaged, overrides={"max_epochs": 7, "batch_size": None})["max_epochs"] == 7


@pytest.mark.parametrize("separator", ["::", "#"])
def test_nested_ids_with_either_separator(separator: str, packaged: Path) -> None:
    key = separator.join(["optimizers", "generator", "betas", "0"])
    assert load_config(packaged, overrides={key: "0.9"})["optimizers::generator::betas"] == [0.9, 0.999]


def test_argument_that_the_component_knows_may_be_added(packaged: Path) -> None:
    overrides = {"train::trainer::n_critic": "5", "network_def::upsample": "resize", "train::inferer::x": 1}
    parser = load_config(packaged, overrides={key: overrides[key] for key in list(overrides)[:2]})
    assert parser["train::trainer::n_critic"] == 5
    with pytest.raises(InputError, match="no item 'train::inferer::x'"):
        load_config(packaged, overrides=overrides)


@pytest.mark.parametrize(
    ("key", "near"),
    [
        pytest.param("max_epoch", "'max_epochs'", id="spelling"),
        pytest.param("trainer::max_epochs", "'train::trainer::max_epochs'", id="other_place"),
        pytest.param("lr", "'optimizers::generator::lr'", id="last_part_alone"),
        pytest.param("train::trainer::precison", "'train::trainer::precision'", id="argument_misspelt"),
        pytest.param("optimizers::generator::betas::5", "did you mean|items are", id="beyond_the_list"),
    ],
)
def test_unknown_key_suggests_the_nearest(key: str, near: str, packaged: Path) -> None:
    with pytest.raises(InputError, match=f"no item '{key}' to override: .*({near})"):
        load_config(packaged, overrides={key: "3"})


def test_unknown_key_like_nothing_lists_the_items(packaged: Path) -> None:
    with pytest.raises(InputError, match="its items are 'imports', 'bundle_root'"):
        load_config(packaged, overrides={"qqqqqq": 1})


@pytest.mark.parametrize("item", ["max_epochs", "=3", " =3"])
def test_override_that_is_not_key_value(item: str) -> None:
    with pytest.raises(InputError, match="not KEY=VALUE"):
        parse_overrides([item])


def test_last_of_a_repeated_key_counts() -> None:
    assert parse_overrides(["a=1", "a = 2"]) == {"a": "2"}
