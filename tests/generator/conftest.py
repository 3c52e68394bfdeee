"""The random demo family as a tiny SD1.5-shaped checkpoint, and what draws with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from generator.config import EngineConfig, ModelFolders
from generator.demo.family import DemoFamily, read_family
from generator.device import Compute
from generator.engine import Engine
from generator.events import FINAL_EVENTS, Event, Failed, ImageReady
from generator.models.catalogue import ModelEntry
from generator.models.checkpoint import Checkpoint
from generator.models.resident import Resident, open_checkpoint
from generator.request import GenerationRequest
from prompts.resolve import resolve
from prompts.spell import Params, Spell

DEFAULTS = Params(
    steps=4, sampler="Euler", schedule_type="Automatic", cfg_scale=7.0, width=64, height=64, checkpoint="tiny"
)


@pytest.fixture(scope="session")
def tiny_family(tmp_path_factory: pytest.TempPathFactory) -> DemoFamily:
    from generator.demo.random_family import build_once

    return read_family(build_once(tmp_path_factory.mktemp("family")))


@pytest.fixture
def model_folders(tiny_family: DemoFamily, tmp_path: Path) -> ModelFolders:
    return ModelFolders(
        tmp_path / "checkpoints", tmp_path / "loras", (("tiny", tiny_family.checkpoint),), tiny_family.loras
    )


@pytest.fixture(scope="session")
def tiny_checkpoint(tiny_family: DemoFamily) -> Checkpoint:
    """Opened once: loading takes longer than most tests."""
    return open_checkpoint(ModelEntry("tiny", tiny_family.checkpoint, "folder", "sd15"), Compute.resolve("cpu", "auto"))


@pytest.fixture
def engine(model_folders: ModelFolders, tiny_checkpoint: Checkpoint) -> Iterator[Engine]:
    """An engine with the tiny checkpoint in memory already; its weights are the base's again afterwards."""
    # One thread: the tiny networks spend longer waking threads than computing.
    made = Engine(EngineConfig(model_folders, device="cpu", threads=1, max_rows=8))
    resident = Resident(tiny_checkpoint, made.catalogue)
    made._resident = resident
    yield made
    resident.set_unet_loras(())
    resident.set_text_loras(())


@pytest.fixture
def ask() -> Callable[..., GenerationRequest]:
    """A request for a spell, resolved with small defaults; keywords change the spell or its parameters."""

    def make(request_id: str = "a", preview_every: int = 0, **changes: object) -> GenerationRequest:
        spell = Spell("a red cat").evolve(**changes)
        return GenerationRequest(request_id, resolve(spell, DEFAULTS, seed=1), preview_every)

    return make


def run_to_end(engine: Engine, requests: Sequence[GenerationRequest]) -> list[Event]:
    """Every event until the engine is idle."""
    for request in requests:
        engine.add(request)
    events: list[Event] = []
    while engine.has_work():
        events += engine.step()
    return events


@pytest.fixture
def run_all() -> Callable[[Engine, Sequence[GenerationRequest]], list[Event]]:
    return run_to_end


@pytest.fixture
def draw_one() -> Callable[[Engine, GenerationRequest], ImageReady]:
    """The finished picture of one request; fails the test when there is none."""

    def draw(engine: Engine, request: GenerationRequest) -> ImageReady:
        last = [e for e in run_to_end(engine, [request]) if isinstance(e, FINAL_EVENTS)]
        assert len(last) == 1
        if isinstance(last[0], Failed):
            raise last[0].error
        assert isinstance(last[0], ImageReady)
        return last[0]

    return draw


@pytest.fixture(scope="session")
def tiny_sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A diffusers folder with SDXL's true classes and wiring, a few channels wide and untrained."""
    from prompts.torch_guard import ensure_torchvision

    ensure_torchvision()
    import torch
    from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    from generator.models.single_file import clip_tokenizer

    towers = {
        "vocab_size": 49408,
        "intermediate_size": 64,
        "num_attention_heads": 2,
        "max_position_embeddings": 77,
        "bos_token_id": 49406,
        "eos_token_id": 49407,
    }
    tokenizers = [clip_tokenizer(), clip_tokenizer("!")]
    for tokenizer in tokenizers:
        tokenizer.model_max_length = 77
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        first = {"hidden_size": 32, "num_hidden_layers": 3, "pad_token_id": 49407, "hidden_act": "quick_gelu"}
        second = {"hidden_size": 48, "num_hidden_layers": 2, "pad_token_id": 0, "projection_dim": 40}
        pipeline = StableDiffusionXLPipeline(
            vae=AutoencoderKL(
                block_out_channels=(16, 16, 16, 16),
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                layers_per_block=1,
                norm_num_groups=8,
                scaling_factor=0.13025,
            ),
            text_encoder=CLIPTextModel(CLIPTextConfig(**towers, **first)),
            text_encoder_2=CLIPTextModelWithProjection(CLIPTextConfig(**towers, **second, hidden_act="gelu")),
            tokenizer=tokenizers[0],
            tokenizer_2=tokenizers[1],
            unet=UNet2DConditionModel(
                block_out_channels=(32, 32, 64),
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
                layers_per_block=1,
                transformer_layers_per_block=(1, 1, 2),
                attention_head_dim=(1, 2, 4),
                cross_attention_dim=80,
                use_linear_projection=True,
                addition_embed_type="text_time",
                addition_time_embed_dim=8,
                projection_class_embeddings_input_dim=88,
                norm_num_groups=8,
                sample_size=16,
            ),
            scheduler=EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"),
        )
    folder = tmp_path_factory.mktemp("sdxl") / "tiny-xl"
    pipeline.save_pretrained(str(folder), safe_serialization=True)
    return folder
