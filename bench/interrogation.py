"""Interrogation beside clip-interrogator 0.6.0, interleaved in one run, same weights, results compared.

    python bench/interrogation.py              # the short parts, a few minutes on 2 cores
    python bench/interrogation.py --full       # all parts, about half an hour on 2 cores
    python bench/interrogation.py ranking best64
    python bench/interrogation.py memory       # bytes on a GPU, counted; nothing is timed

Weights are random at true shape: costs are real, words are not. Every part says whether both gave the
same answer; a different one ends the run with exit code 1.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: spinning threads fight over shared cores

import numpy as np
import torch
from PIL import Image, ImageDraw

from prompts.interrogation.caption import BlipCaptioner
from prompts.interrogation.clip_model_interrogator import ClipInterrogator, LoadedClip
from prompts.interrogation.label_table import LabelTable, build_table
from prompts.interrogation.modes import ClipOptions
from prompts.interrogation.ranking import rank, rank_by_chunks, resident
from prompts.interrogation.terms import TermList, published_lists
from prompts.interrogation.towers import ClipTowers, random_towers
from prompts.torch_guard import ensure_torchvision

SHORT = ("ranking", "ranking-c", "labels", "best64")
FULL = (*SHORT, "best256", "fast", "classic", "fast8")
CAPTION = "a photo of a red circle and a blue square on a table"


class Seconds(NamedTuple):
    """On the clock, and of the processor: the second hardly changes when others share the cores."""

    wall: float
    cpu: float


@dataclass
class Outcome:
    """One line of the report."""

    part: str
    theirs: list[Seconds]
    ours: list[Seconds]
    equal: str
    is_equal: bool
    wanted: float

    def ratio(self, which: int) -> float:
        """Median of theirs over median of ours; 0 for the clock, 1 for the processor."""
        return statistics.median(s[which] for s in self.theirs) / statistics.median(s[which] for s in self.ours)

    @property
    def of_fastest(self) -> float:
        """Fastest round of theirs over fastest of ours, by the clock: what others disturb least."""
        return min(s.wall for s in self.theirs) / min(s.wall for s in self.ours)


def load() -> float:
    """Processes that wanted a core in the last minute; 0 where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def picture(seed: int = 0) -> Image.Image:
    """A drawing with structure."""
    rng = np.random.default_rng(seed)
    made = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((512, 384), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(made)
    for _ in range(8):
        x, y, w, h = (int(v) for v in rng.integers((0, 0, 30, 30), (400, 280, 160, 140)))
        draw.ellipse((x, y, x + w, y + h), fill=tuple(int(c) for c in rng.integers(0, 256, 3)))
    return made


def timed(work: Callable[[], Any]) -> tuple[Seconds, Any]:
    """Seconds and result."""
    started, cpu_started = time.perf_counter(), time.process_time()
    result = work()
    return Seconds(time.perf_counter() - started, time.process_time() - cpu_started), result


def interleaved(rounds: int, theirs: Callable[[], Any], ours: Callable[[], Any]) -> tuple[list[Any], list[Any]]:
    """Both in turn, `rounds` times; (seconds, result) lists."""
    first, second = [], []
    for _ in range(rounds):
        first.append(timed(theirs))
        second.append(timed(ours))
    return first, second


@contextmanager
def library_towers(towers: ClipTowers, device: str = "cpu") -> Iterator[Callable[..., Any]]:
    """Makes `clip_interrogator.Interrogator`s over our towers and small sample lists, tables given."""
    ensure_torchvision()
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        from clip_interrogator import Config, Interrogator

        def make(lists: tuple[TermList, ...], **options: Any) -> Any:
            data, cache = Path(folder) / "data", Path(folder) / "cache"
            data.mkdir(exist_ok=True)
            cache.mkdir(exist_ok=True)
            architecture = towers.name.split("/", maxsplit=1)[0]
            for each in lists:
                names = each.texts
                if each.category == "artists":
                    names = tuple(t.removeprefix("by ") for t in names if t.startswith("by "))
                if each.category != "trendings":
                    (data / f"{each.category}.txt").write_text("\n".join(names), encoding="utf-8")
                features = build_table([each], towers.text, towers.text_digest, None).features
                save_library_table(cache / f"{architecture}__{each.category}.safetensors", each, features)
            config = Config(
                clip_model_name=f"{architecture}/",
                caption_model_name=None,
                cache_path=str(cache),
                download_cache=False,
                data_path=str(data),
                device=device,
                quiet=True,
                **options,
            )
            config.clip_model = towers.model
            config.clip_preprocess = towers.preprocess
            return Interrogator(config)

        yield make


def save_library_table(file: Path, each: TermList, features: torch.Tensor) -> None:
    """A label table in the library's own cache format, so that neither side's start-up is timed."""
    from safetensors.numpy import save_file

    digest = hashlib.sha256(",".join(each.texts).encode()).hexdigest()
    hashed = np.array([ord(c) for c in digest], dtype=np.int8)
    save_file({"embeds": features.half().cpu().numpy(), "hash": hashed}, file)


def sampled(every: int) -> tuple[TermList, ...]:
    """Every n-th published phrase of each list; artists in both of the library's forms."""
    lists = []
    for each in published_lists():
        step = every if len(each.texts) > 300 else 1
        if each.category == "artists":
            names = [t for t in each.texts if t.startswith("by ")][::step]
            texts = tuple(names) + tuple("inspired " + name for name in names)
        else:
            texts = each.texts[::step]
        lists.append(TermList(each.category, texts))
    return tuple(lists)


class Where(NamedTuple):
    """The shape of CLIP, how many of the published terms, and the device."""

    architecture: str = "ViT-B-32"
    every: int = 400
    """Each n-th phrase of the long lists."""
    device: str = "cpu"


def best(part: str, shortlist: int, steps: int, rounds: int, where: Where = Where()) -> Outcome:
    """The chain at one shape, every n-th term: same shortlist, same steps, same string."""
    towers = random_towers(where.architecture)
    if where.device != "cpu":
        towers.model.to(where.device).half()  # as `towers_from_folder` loads it there
    lists = sampled(where.every)
    options = ClipOptions(max_terms=steps, min_terms=steps, shortlist=shortlist, compat=True)
    with library_towers(towers, where.device) as make:
        library = make(lists, flavor_intermediate_count=shortlist)
        loaded = LoadedClip(towers, lists, FixedCaption())
        mine = ClipInterrogator(lambda: loaded, "random", options=options)
        mine.warm_up()
        theirs, ours = interleaved(
            rounds,
            lambda: library.interrogate(picture(), min_flavors=steps, max_flavors=steps, caption=CAPTION),
            lambda: mine.interrogate(picture(), "best").prompt,
        )
    same = all(a[1] == b[1] for a, b in zip(theirs, ours, strict=True))
    return Outcome(part, [t for t, _ in theirs], [t for t, _ in ours], "string", same, 8.0)


class FixedCaption:
    """Says the caption that the library is given."""

    name = "fixed"

    def captions(self, pictures: Sequence[Image.Image]) -> list[str]:
        """Always the same."""
        return [CAPTION] * len(pictures)


def ranking(part: str, *, compat: bool) -> Outcome:
    """One picture against 111,867 terms of 768 numbers."""
    from types import SimpleNamespace

    count, dim, wanted = 111_867, 768, 2048
    generator = torch.Generator().manual_seed(0)
    rows = torch.nn.functional.normalize(torch.randn(count, dim, generator=generator), dim=-1).half()
    query = torch.nn.functional.normalize(torch.randn(1, dim, generator=generator), dim=-1)
    ensure_torchvision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from clip_interrogator.clip_interrogator import LabelTable

        table = LabelTable.__new__(LabelTable)
        config = SimpleNamespace(chunk_size=2048, device="cpu", quiet=True)
        table.chunk_size, table.config, table.device = 2048, config, "cpu"
        table.labels = list(range(count))
        table.embeds = [row.astype(np.float32) for row in rows.numpy()]  # as the library makes them on a CPU
        ours_table = resident(rows, torch.device("cpu"))
        theirs, ours = interleaved(
            7,
            lambda: table.rank(query, wanted),
            (lambda: rank_by_chunks(query, ours_table, wanted).rows)
            if compat
            else (lambda: rank(query, ours_table, wanted)[0].rows),
        )
    expected = table.rank(query, wanted)
    if not compat:
        expected = torch.sort((query @ rows.float().T)[0], descending=True, stable=True).indices[:wanted].tolist()
    same = all(list(b[1]) == list(expected) for b in ours)
    answer = "the library's 2,035 rows" if compat else "the exact 2,048 rows by brute force"
    return Outcome(part, [t for t, _ in theirs], [t for t, _ in ours], answer, same, 10.0)


def labels(part: str) -> Outcome:
    """Features of true flavors at ViT-B/32 shape, nothing cached."""
    towers = random_towers("ViT-B-32")
    texts = next(each.texts for each in published_lists() if each.category == "flavors")[::400]
    from types import SimpleNamespace

    ensure_torchvision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from clip_interrogator.clip_interrogator import LabelTable

        config = SimpleNamespace(
            chunk_size=64, device="cpu", quiet=True, cache_path=None, clip_model_name="x", download_cache=False
        )
        context = SimpleNamespace(clip_model=towers.model, config=config, tokenize=towers.tokenizer)
        theirs, ours = interleaved(
            2,
            lambda: np.stack(LabelTable(list(texts), None, context).embeds),
            lambda: build_table([TermList("flavors", texts)], towers.text, "x", None).features.numpy(),
        )
    worst = max(float(np.abs(a[1] - b[1]).max()) for a, b in zip(theirs, ours, strict=True))
    same = f"{len(texts)} rows, largest difference {worst:.1e}"
    return Outcome(part, [t for t, _ in theirs], [t for t, _ in ours], same, worst < 3e-4, 10.0)


def whole(part: str, mode: str, count: int) -> Outcome:
    """Caption and ranking at the true shape of ViT-L-14 and BLIP-base, all published sizes.

    The library takes `count` pictures one after the other, ours together.
    """
    pictures = [picture(n) for n in range(count)]
    ensure_torchvision()
    towers = random_towers("ViT-L-14", quick_gelu=True)
    everything = {each.category: each for each in published_lists()}
    lists = tuple(everything.values())
    with tempfile.TemporaryDirectory() as folder, library_towers(towers) as make:
        blip = random_blip(Path(folder))
        captioner = BlipCaptioner(blip)
        library = make(sampled(4000), flavor_intermediate_count=2048)
        library.caption_model, library.caption_processor = captioner.model, captioner.processor
        library.config.caption_model_name = "blip-base"
        loaded = LoadedClip(towers, lists, captioner, random_table(library, lists))
        mine = ClipInterrogator(lambda: loaded, "random", options=ClipOptions(compat=True))
        mine.warm_up()
        ask = {"fast": library.interrogate_fast, "classic": library.interrogate_classic}[mode]
        theirs, ours = interleaved(
            5 if count == 1 else 2,
            lambda: [ask(p) for p in pictures],
            lambda: [r.prompt for r in mine.interrogate_many(pictures, mode)],
        )
    same = all(a[1] == b[1] for a, b in zip(theirs, ours, strict=True))
    return Outcome(part, [t for t, _ in theirs], [t for t, _ in ours], "string", same, 1.15)


def random_table(library: Any, lists: tuple[TermList, ...]) -> LabelTable:
    """Random features of full size for both sides: computing 112,000 at this shape would take hours."""
    generator = torch.Generator().manual_seed(1)
    features, texts, spans = [], [], []
    for each in lists:
        made = torch.nn.functional.normalize(torch.randn(len(each.texts), 768, generator=generator), dim=-1).half()
        table = getattr(library, each.category)
        table.labels, table.embeds = list(each.texts), [row.astype(np.float32) for row in made.numpy()]
        spans.append((each.category, len(texts), len(texts) + len(each.texts)))
        texts += each.texts
        features.append(made)
    return LabelTable(tuple(texts), tuple(spans), resident(torch.cat(features), torch.device("cpu")))


def random_blip(folder: Path) -> Path:
    """BLIP-base's shape with random weights, saved as the hub has it."""
    from transformers import (
        BertTokenizerFast,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessor,
    )

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{i}" for i in range(30519))]
    torch.manual_seed(0)
    # transformers' own initial weights of the picture tower are so small that all pictures look the same.
    config = BlipConfig(vision_config={"initializer_range": 0.02})
    BlipForConditionalGeneration(config).save_pretrained(folder)
    BlipImageProcessor().save_pretrained(folder)
    BertTokenizerFast(vocab={word: i for i, word in enumerate(words)}).save_pretrained(folder)
    return folder


def memory() -> int:
    """Print the bytes of weights and tables of interrogation and SD1.5 on a GPU together; 1 when over 8 GB."""
    gib, budget = 2**30, 8 * 10**9
    rows = [(name, 2 * count) for name, count in parameter_counts().items()]
    rows.append(("label table, 111,867 x 768", 2 * 111_867 * 768))
    for name, size in rows:
        print(f"{name:62} {size / gib:6.2f} GiB")
    total = sum(size for _, size in rows)
    print(f"{'together':62} {total / gib:6.2f} GiB of {budget / gib:.2f}")
    return 0 if total < budget else 1


def parameter_counts() -> dict[str, int]:
    """Parameters of the models at true shape, counted without making them."""
    ensure_torchvision()
    import open_clip
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import BlipConfig, BlipForConditionalGeneration, CLIPTextConfig, CLIPTextModel

    wide = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    large = BlipConfig(
        vision_config=wide,
        text_config={"encoder_hidden_size": 1024},
    )
    sd15_text = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_attention_heads=12)
    vae = {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "latent_channels": 4}
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    with torch.device("meta"):
        models: dict[str, Any] = {
            "SD1.5 UNet": UNet2DConditionModel(cross_attention_dim=768),
            "SD1.5 VAE": AutoencoderKL(**vae, **kinds),
            "SD1.5 text encoder": CLIPTextModel(sd15_text),
            "CLIP ViT-L-14": open_clip.create_model("ViT-L-14", device="meta"),
            "BLIP large": BlipForConditionalGeneration(large),
        }
    return {name: sum(p.numel() for p in model.parameters()) for name, model in models.items()}


PARTS: dict[str, Callable[[str], Outcome]] = {
    "ranking": lambda part: ranking(part, compat=False),
    "ranking-c": lambda part: ranking(part, compat=True),
    "labels": labels,
    "best64": lambda part: best(part, 64, 6, 2),
    "best256": lambda part: best(part, 256, 13, 1),
    "fast": lambda part: whole(part, "fast", 1),
    "classic": lambda part: whole(part, "classic", 1),
    "fast8": lambda part: whole(part, "fast", 8),
}


def main() -> int:
    """Run the asked parts and print one line each; 1 when an answer differed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(FULL)}; default {', '.join(SHORT)}")
    parser.add_argument("--full", action="store_true", help="all parts")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")  # the library's autocast warns at every call without CUDA
    logging.disable(logging.WARNING)  # open_clip announces random weights
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    if asked.parts == ["memory"]:
        return memory()
    heads = f"{'theirs':>9} {'ours':>9} {'ratio':>7} {'fastest':>7} {'of cpu':>7} {'wanted':>7} {'load':>5}"
    print(f"{'part':10} {heads}  same answer")
    outcomes = []
    for part in asked.parts or (FULL if asked.full else SHORT):
        outcome = PARTS[part](part)
        outcomes.append(outcome)
        theirs, ours = (statistics.median(s.wall for s in side) for side in (outcome.theirs, outcome.ours))
        verdict = "yes" if outcome.is_equal else "NO"
        print(
            f"{part:10} {theirs:8.3f}s {ours:8.3f}s {outcome.ratio(0):6.2f}x {outcome.of_fastest:6.2f}x "
            f"{outcome.ratio(1):6.2f}x {outcome.wanted:6.2f}x {load():5.1f}  {verdict} ({outcome.equal})",
            flush=True,
        )
    return 0 if all(outcome.is_equal for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
