from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from generator.demo.family import DemoFamily
from generator.device import Compute
from generator.errors import ModelRefused, UnsupportedSpell
from generator.models.catalogue import ModelEntry
from generator.models.checkpoint import build_checkpoint
from generator.models.ldm_keys import _unet_table, _vae_table, unet_to_diffusers, vae_to_diffusers
from generator.models.single_file import CONFIGS, clip_tokenizer, read_single_file

CPU = Compute.resolve("cpu", "float32")


def _original_names(tensors: Mapping[str, Tensor], table: Any, prefix: str) -> dict[str, Tensor]:
    """diffusers' names back to the original ones, by the table read backwards."""
    back = {new: (old, {b: a for a, b in inside.items()}) for old, (new, inside) in table.items()}
    renamed = {}
    for key, tensor in tensors.items():
        block = max((b for b in back if key.startswith(b + ".")), key=len)
        old, inside = back[block]
        rest, _, leaf = key[len(block) + 1 :].rpartition(".")
        renamed[prefix + ".".join(p for p in (old, inside.get(rest, rest), leaf) if p)] = tensor
    return renamed


@pytest.fixture(scope="module")
def parts(tiny_family: DemoFamily) -> dict[str, Any]:
    folder = tiny_family.checkpoint
    return {
        "unet": load_file(folder / "unet" / "diffusion_pytorch_model.safetensors"),
        "vae": load_file(folder / "vae" / "diffusion_pytorch_model.safetensors"),
        "unet_config": json.loads((folder / "unet" / "config.json").read_text()),
        "vae_config": json.loads((folder / "vae" / "config.json").read_text()),
    }


TEXT_CONFIG = {
    "vocab_size": 49408,
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 77,
    "bos_token_id": 49406,
    "eos_token_id": 49407,
    "pad_token_id": 49407,
    "hidden_act": "quick_gelu",
}


@pytest.fixture(scope="module")
def single(parts: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(file in the original layout, folder of configurations that fit it)."""
    from prompts.torch_guard import ensure_torchvision

    ensure_torchvision()
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    text = CLIPTextModel(CLIPTextConfig(**TEXT_CONFIG)).state_dict()
    vae = {k: v[..., None, None] if ".to_" in k and v.dim() == 2 else v for k, v in parts["vae"].items()}
    tensors = {
        **_original_names(parts["unet"], _unet_table(parts["unet_config"]), "model.diffusion_model."),
        **_original_names(vae, _vae_table(parts["vae_config"]), "first_stage_model."),
        **{f"cond_stage_model.transformer.text_model.{k}": v for k, v in text.items()},
        "cond_stage_model.transformer.text_model.embeddings.position_ids": torch.arange(77).unsqueeze(0),
        "model_ema.decay": torch.zeros(()),
        "alphas_cumprod": torch.zeros(1000),
    }
    root = tmp_path_factory.mktemp("single")
    save_file({k: v.contiguous() for k, v in tensors.items()}, root / "tiny.safetensors")
    configs = root / "configs"
    shutil.copytree(CONFIGS, configs)
    (configs / "sd15" / "unet.json").write_text(json.dumps(parts["unet_config"]))
    (configs / "sd15" / "vae.json").write_text(json.dumps(parts["vae_config"]))
    (configs / "sd15" / "text_encoder.json").write_text(json.dumps(TEXT_CONFIG))
    return root / "tiny.safetensors", configs


def test_a_single_file_holds_the_same_networks_as_its_folder(single: tuple[Path, Path], parts: dict[str, Any]) -> None:
    read = read_single_file(single[0], "sd15", single[1])
    for name in ("unet", "vae"):
        found, expected = getattr(read, name), parts[name]
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[k], expected[k]) for k in expected)


def test_diffusers_own_converter_reads_the_same_weights(single: tuple[Path, Path], parts: dict[str, Any]) -> None:
    from prompts.torch_guard import ensure_torchvision

    ensure_torchvision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint

    tensors = load_file(single[0])
    for ours, theirs in (
        (
            unet_to_diffusers(tensors, parts["unet_config"]),
            convert_ldm_unet_checkpoint(dict(tensors), parts["unet_config"]),
        ),
        (
            vae_to_diffusers(tensors, parts["vae_config"]),
            convert_ldm_vae_checkpoint(dict(tensors), parts["vae_config"]),
        ),
    ):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[k].flatten(), theirs[k].flatten()) for k in ours)


def test_a_single_file_opens_encodes_and_decodes_offline(single: tuple[Path, Path]) -> None:
    entry = ModelEntry("tiny", single[0], "file", "sd15")
    checkpoint = build_checkpoint(entry, read_single_file(single[0], "sd15", single[1]), CPU)
    ids = [49406, *checkpoint.tokenize("a red cat"), *[49407] * 73]
    context = checkpoint.towers[0].encode(ids, 1).context
    output = checkpoint.predict(torch.randn(1, 4, 8, 8), torch.tensor([500.0]), context)
    pixels = checkpoint.decode(output)
    assert pixels.shape == (1, 3, 64, 64)
    assert bool(torch.isfinite(pixels).all())
    assert checkpoint.comma == 267


def test_the_shipped_sd15_configuration_has_the_known_number_of_weights() -> None:
    from prompts.torch_guard import ensure_torchvision

    ensure_torchvision()
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    def config(name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((CONFIGS / "sd15" / f"{name}.json").read_text())
        return found

    with torch.device("meta"):
        networks = (
            UNet2DConditionModel.from_config(config("unet")),
            AutoencoderKL.from_config(config("vae")),
            CLIPTextModel(CLIPTextConfig(**config("text_encoder"))),
        )
    assert [sum(p.numel() for p in n.parameters()) for n in networks] == [859_520_964, 83_653_863, 123_060_480]


def test_the_built_tokenizer_gives_clips_ids() -> None:
    tokenizer = clip_tokenizer()
    assert len(tokenizer) == 49408
    # Ids of the original CLIP vocabulary.
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]


def test_a_v_prediction_marker_in_the_file_is_believed(single: tuple[Path, Path], tmp_path: Path) -> None:
    tensors = load_file(single[0])
    save_file({**tensors, "v_pred": torch.zeros(()), "ztsnr": torch.zeros(())}, tmp_path / "v.safetensors")
    read = read_single_file(tmp_path / "v.safetensors", "sd15", single[1])
    assert read.noise_config["prediction_type"] == "v_prediction"
    assert read.noise_config["rescale_betas_zero_snr"] is True


@pytest.mark.parametrize(
    ("text", "is_v"),
    [
        ('model:\n  target: ldm.LatentDiffusion\n  params:\n    parameterization: "v"\n', True),
        ("model: {params: {parameterization: v}}", True),
        ("model:\n  params:\n    parameterization: eps\n", False),
        ("model: [1, 2]", False),
        ("model: {params: {parameterization: !!python/object/apply:os.system [exit]}}", False),
        ("[" * 5000, False),
        ("model:\n\t- \x00", False),
        ("", False),
    ],
)
def test_v_prediction_is_read_from_the_yaml_beside_the_file(
    single: tuple[Path, Path], tmp_path: Path, text: str, is_v: bool
) -> None:
    shutil.copy(single[0], tmp_path / "m.safetensors")
    (tmp_path / "m.yaml").write_text(text, encoding="utf-8")
    read = read_single_file(tmp_path / "m.safetensors", "sd15", single[1])
    assert (read.noise_config.get("prediction_type") == "v_prediction") is is_v


def test_another_family_is_refused_before_its_weights_are_read(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedSpell) as refused:
        read_single_file(tmp_path / "absent.safetensors", "unknown")
    assert refused.value.facts["found"] == "unknown"


def test_an_inpainting_checkpoint_is_refused(single: tuple[Path, Path], tmp_path: Path) -> None:
    tensors = load_file(single[0])
    tensors["model.diffusion_model.input_blocks.0.0.weight"] = torch.zeros(32, 9, 3, 3)
    save_file(tensors, tmp_path / "inpaint.safetensors")
    with pytest.raises(UnsupportedSpell, match="9 input channels"):
        read_single_file(tmp_path / "inpaint.safetensors", "sd15", single[1])


def test_missing_and_misshapen_weights_are_refused_by_name(single: tuple[Path, Path], tmp_path: Path) -> None:
    tensors = load_file(single[0])
    del tensors["model.diffusion_model.out.2.bias"]
    save_file(tensors, tmp_path / "cut.safetensors")
    entry = ModelEntry("cut", tmp_path / "cut.safetensors", "file", "sd15")
    with pytest.raises(ModelRefused) as refused:
        build_checkpoint(entry, read_single_file(entry.path, "sd15", single[1]), CPU)
    assert refused.value.stable_code == "weights_do_not_fit"
    assert "conv_out.bias" in refused.value.detail
