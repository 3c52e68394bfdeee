from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from generator.config import EngineConfig, ModelFolders
from generator.device import Compute
from generator.engine import Engine
from generator.events import ImageReady
from generator.models.catalogue import Catalogue, ModelEntry
from generator.models.checkpoint import Checkpoint, build_checkpoint
from generator.models.diffusers_folder import read_folder
from generator.models.ldm_keys import _unet_table, _vae_table, ldm_module_names
from generator.models.single_file import CONFIGS, read_single_file
from generator.request import GenerationRequest
from generator.sampling.conditioning import Conditioner, PassPrompts
from prompts.spell import HiresFix, Lora

CPU = Compute.resolve("cpu", "float32")
Draw = Callable[[Engine, GenerationRequest], ImageReady]


@pytest.fixture(scope="module")
def xl(tiny_sdxl_folder: Path) -> Checkpoint:
    return build_checkpoint(ModelEntry("xl", tiny_sdxl_folder, "folder", "sdxl"), read_folder(tiny_sdxl_folder), CPU)


@pytest.fixture(scope="module")
def pipeline(tiny_sdxl_folder: Path) -> Any:
    from prompts.torch_guard import ensure_torchvision

    ensure_torchvision()
    from diffusers import StableDiffusionXLPipeline

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = StableDiffusionXLPipeline.from_pretrained(str(tiny_sdxl_folder), local_files_only=True)
    found.set_progress_bar_config(disable=True)
    return found


def original_state(folder: Path) -> dict[str, Tensor]:
    """The folder's weights under a single file's names, written by diffusers' rules read backwards."""
    parts = {p: load_file(folder / p / "diffusion_pytorch_model.safetensors") for p in ("unet", "vae")}
    configs = {p: json.loads((folder / p / "config.json").read_text()) for p in ("unet", "vae")}
    text, text_2 = (load_file(folder / f"text_encoder{s}" / "model.safetensors") for s in ("", "_2"))
    vae = {k: v[..., None, None] if ".to_" in k and v.dim() == 2 else v for k, v in parts["vae"].items()}
    return {
        **_backwards(parts["unet"], _unet_table(configs["unet"]), "model.diffusion_model."),
        **_backwards(vae, _vae_table(configs["vae"]), "first_stage_model."),
        **{f"conditioner.embedders.0.transformer.text_model.{_bare(k)}": v for k, v in text.items()},
        **_as_open_clip({_bare(k): v for k, v in text_2.items()}),
    }


def _bare(key: str) -> str:
    return key.removeprefix("text_model.")


def _backwards(tensors: dict[str, Tensor], table: Any, prefix: str) -> dict[str, Tensor]:
    back = {new: (old, {b: a for a, b in inside.items()}) for old, (new, inside) in table.items()}
    renamed = {}
    for key, tensor in tensors.items():
        block = max((b for b in back if key.startswith(b + ".")), key=len)
        old, inside = back[block]
        rest, _, leaf = key[len(block) + 1 :].rpartition(".")
        renamed[prefix + ".".join(p for p in (old, inside.get(rest, rest), leaf) if p)] = tensor.contiguous()
    return renamed


def _as_open_clip(state: dict[str, Tensor]) -> dict[str, Tensor]:
    prefix = "conditioner.embedders.1.model."
    found = {
        f"{prefix}token_embedding.weight": state["embeddings.token_embedding.weight"],
        f"{prefix}positional_embedding": state["embeddings.position_embedding.weight"],
        f"{prefix}ln_final.weight": state["final_layer_norm.weight"],
        f"{prefix}ln_final.bias": state["final_layer_norm.bias"],
        f"{prefix}text_projection": state["text_projection.weight"].T.contiguous(),
        f"{prefix}logit_scale": torch.ones(()),
    }
    names = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}
    for i in range(2):
        here, there = f"encoder.layers.{i}.", f"{prefix}transformer.resblocks.{i}."
        for leaf in ("weight", "bias"):
            fused = [state[f"{here}self_attn.{c}_proj.{leaf}"] for c in "qkv"]
            found[f"{there}attn.in_proj_{leaf}"] = torch.cat(fused)
            found[f"{there}attn.out_proj.{leaf}"] = state[f"{here}self_attn.out_proj.{leaf}"]
            for new, old in names.items():
                found[f"{there}{old}.{leaf}"] = state[f"{here}{new}.{leaf}"]
    return found


@pytest.fixture(scope="module")
def single_xl(tiny_sdxl_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(single file, folder of configurations that fit it)."""
    root = tmp_path_factory.mktemp("xl-file")
    save_file(original_state(tiny_sdxl_folder), root / "xl.safetensors")
    configs = root / "configs"
    shutil.copytree(CONFIGS, configs)
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        shutil.copy(tiny_sdxl_folder / part / "config.json", configs / "sdxl" / f"{part}.json")
    return root / "xl.safetensors", configs


def test_both_text_encoders_give_what_diffusers_pipeline_reads(xl: Checkpoint, pipeline: Any) -> None:
    encoded = Conditioner(xl).encode_pass(PassPrompts("a red cat", "ugly", 10), 1, ())
    context, negative, pooled, negative_pooled = pipeline.encode_prompt("a red cat", negative_prompt="ugly")
    for ours, theirs in (
        (encoded.positive[0].at(0), context),
        (encoded.negative.at(0), negative),
        (encoded.positive[0].pooled_at(0), pooled),
        (encoded.negative.pooled_at(0), negative_pooled),
    ):
        assert ours is not None
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_no_negative_prompt_reads_as_nothing_as_in_the_web_ui(xl: Checkpoint, pipeline: Any) -> None:
    encoded = Conditioner(xl).encode_pass(PassPrompts("a red cat", "", 10), 1, ())
    assert not bool(encoded.negative.at(0).any())
    pooled = encoded.negative.pooled_at(0)
    assert pooled is not None
    assert not bool(pooled.any())


@pytest.mark.parametrize("clip_skip", [2, 5])
def test_clip_skip_changes_nothing_for_sdxl(xl: Checkpoint, clip_skip: int) -> None:
    conditioner = Conditioner(xl)
    one, other = (conditioner.encode_pass(PassPrompts("a cat", "b", 10), n, ()) for n in (1, clip_skip))
    assert torch.equal(one.positive[0].at(0), other.positive[0].at(0))


def test_a_whole_picture_equals_the_pipelines(
    xl: Checkpoint, pipeline: Any, tiny_sdxl_folder: Path, tmp_path: Path, ask: Any, draw_one: Draw
) -> None:
    folders = ModelFolders(tmp_path, tmp_path, (("tiny", tiny_sdxl_folder),))
    engine = Engine(EngineConfig(folders, device="cpu", threads=1))
    wanted = ask(prompt="a red cat", negative_prompt="ugly", sampler="Euler", schedule_type="Uniform")
    drawn = draw_one(engine, GenerationRequest("a", wanted.spell.evolve(extra=(("RNG", "CPU"),))))
    from diffusers import EulerDiscreteScheduler

    pipeline.scheduler = EulerDiscreteScheduler.from_config(pipeline.scheduler.config, timestep_spacing="linspace")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # diffusers 0.42 with numpy 2
        theirs = pipeline(
            "a red cat",
            negative_prompt="ugly",
            num_inference_steps=4,
            guidance_scale=7.0,
            width=64,
            height=64,
            original_size=(64, 64),
            generator=torch.Generator("cpu").manual_seed(1),
            output_type="pt",
        ).images[0]
    ours = torch.frombuffer(bytearray(drawn.picture.rgb), dtype=torch.uint8).reshape(64, 64, 3).permute(2, 0, 1)
    assert float((ours.float() / 255 - theirs).abs().max()) < 1.5 / 255


def test_a_single_file_draws_the_same_picture_as_its_folder(
    single_xl: tuple[Path, Path], xl: Checkpoint, tmp_path: Path
) -> None:
    file, configs = single_xl
    entry = Catalogue(ModelFolders(file.parent, tmp_path)).checkpoint("xl")
    assert (entry.family, entry.kind) == ("sdxl", "file")
    opened = build_checkpoint(entry, read_single_file(file, entry.family, configs), CPU)
    for ours, theirs in ((opened.unet, xl.unet), (opened.vae, xl.vae)):
        other = theirs.state_dict()
        assert all(torch.equal(v, other[k]) for k, v in ours.state_dict().items())
    for a, b in zip(opened.towers, xl.towers, strict=True):
        ids = [49406, 320, 2368, 49407, *[a.tokenizer.pad_token_id] * 73]
        assert torch.equal(a.encode(ids, 1).context, b.encode(ids, 1).context)


def test_every_weight_of_the_true_shape_is_found_under_its_original_name() -> None:
    """Key for key against diffusers' own converters, at the published sizes and without any weights."""
    from prompts.torch_guard import ensure_torchvision

    ensure_torchvision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from diffusers import AutoencoderKL, UNet2DConditionModel
        from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint

    configs = {n: json.loads((CONFIGS / "sdxl" / f"{n}.json").read_text()) for n in ("unet", "vae")}
    with torch.device("meta"):
        unet, vae = UNet2DConditionModel.from_config(configs["unet"]), AutoencoderKL.from_config(configs["vae"])
    assert sum(p.numel() for p in unet.parameters()) == 2_567_463_684
    original = _backwards(dict(unet.state_dict()), _unet_table(configs["unet"]), "model.diffusion_model.")
    assert "model.diffusion_model.label_emb.0.0.weight" in original
    assert len(original) == 1680  # UNet tensors of the published sd_xl_base_1.0.safetensors
    theirs = convert_ldm_unet_checkpoint(original, configs["unet"])
    assert {k: v.shape for k, v in theirs.items()} == {k: v.shape for k, v in unet.state_dict().items()}
    original = _backwards(dict(vae.state_dict()), _vae_table(configs["vae"]), "first_stage_model.")
    theirs = convert_ldm_vae_checkpoint(original, configs["vae"])
    assert theirs.keys() == vae.state_dict().keys()


def test_the_second_text_encoder_of_the_true_shape_has_the_known_number_of_weights() -> None:
    from prompts.torch_guard import ensure_torchvision

    ensure_torchvision()
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    config = json.loads((CONFIGS / "sdxl" / "text_encoder_2.json").read_text())
    with torch.device("meta"):
        network = CLIPTextModelWithProjection(CLIPTextConfig(**config))
    assert sum(p.numel() for p in network.parameters()) == 694_659_840


def kohya_lora(xl: Checkpoint, *, ldm_names: bool) -> dict[str, Tensor]:
    modules = {n: m for n, m in xl.unet.named_modules() if n.endswith("attn2.to_k")}
    original = ldm_module_names(modules, xl.unet.config)  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(5)
    tensors: dict[str, Tensor] = {}

    def add(stem: str, weight: Tensor) -> None:
        tensors[f"{stem}.lora_down.weight"] = torch.randn(2, weight.shape[1], generator=generator)
        tensors[f"{stem}.lora_up.weight"] = torch.randn(weight.shape[0], 2, generator=generator)
        tensors[f"{stem}.alpha"] = torch.tensor(1.0)

    for name, module in modules.items():
        add("lora_unet_" + (original[name] if ldm_names else name).replace(".", "_"), module.weight)
    for number, tower in enumerate(xl.towers, 1):
        weight: Any = tower.encoder.encoder.layers[0].self_attn.q_proj.weight  # type: ignore[union-attr,index]
        add(f"lora_te{number}_text_model_encoder_layers_0_self_attn_q_proj", weight)
    return tensors


@pytest.mark.parametrize("ldm_names", [True, False])
def test_a_kohya_lora_reaches_the_unet_and_both_text_encoders(
    xl: Checkpoint, tmp_path: Path, *, ldm_names: bool
) -> None:
    from generator.models.lora import read_lora

    save_file(kohya_lora(xl, ldm_names=ldm_names), tmp_path / "style.safetensors")
    catalogue = Catalogue(ModelFolders(tmp_path / "none", tmp_path))
    entry = catalogue.lora("style")
    assert entry.family == "sdxl"
    read = read_lora(entry, xl.unet, *(t.encoder for t in xl.towers))
    assert read.unmatched == ()
    assert (len(read.unet), len(read.text), len(read.text_2)) == (11, 1, 1)


def test_a_spell_with_lora_and_hires_fix_is_drawn(
    xl: Checkpoint, tiny_sdxl_folder: Path, tmp_path: Path, ask: Any, draw_one: Draw
) -> None:
    save_file(kohya_lora(xl, ldm_names=True), tmp_path / "style.safetensors")
    engine = Engine(EngineConfig(ModelFolders(tmp_path / "no", tmp_path, (("tiny", tiny_sdxl_folder),)), device="cpu"))
    plain = draw_one(engine, ask())
    styled = draw_one(engine, ask(loras=(Lora("style", 1.0),)))
    again = draw_one(engine, ask())
    large = draw_one(engine, ask(hires=HiresFix(2.0, steps=2, upscaler="Lanczos")))
    assert plain.picture != styled.picture
    assert plain.picture == again.picture
    assert (large.picture.width, large.picture.height) == (128, 128)


def test_the_refiner_is_told_apart_and_not_taken_for_sdxl() -> None:
    from generator.models.family import checkpoint_file_family
    from generator.models.safetensors_header import TensorInfo

    keys = ("model.diffusion_model.input_blocks.0.0.weight", "conditioner.embedders.0.model.ln_final.weight")
    assert checkpoint_file_family({k: TensorInfo("F16", (1,)) for k in keys}) == "unknown"


def test_a_v_prediction_checkpoint_says_so_in_its_metadata_too(single_xl: tuple[Path, Path], tmp_path: Path) -> None:
    state = load_file(single_xl[0])
    save_file(state, tmp_path / "v.safetensors", {"modelspec.prediction_type": "v"})
    read = read_single_file(tmp_path / "v.safetensors", "sdxl", single_xl[1])
    assert read.noise_config["prediction_type"] == "v_prediction"
