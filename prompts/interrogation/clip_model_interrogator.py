"""The interrogator with CLIP: measured facts, ranked terms, chains, and a caption where BLIP is there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from PIL import Image
from torch import Tensor

from prompts.interrogation import modes
from prompts.interrogation.caption import CAPTION_COMMAND, BlipCaptioner, Captioner, check_caption_folder
from prompts.interrogation.interrogator import Progress, mode_named, no_progress
from prompts.interrogation.label_table import LabelTable, build_table
from prompts.interrogation.measured import measure
from prompts.interrogation.modes import ClipOptions, Draft, Studio
from prompts.interrogation.ranking import Ranked, rank
from prompts.interrogation.result import Interrogation, WeightsKind
from prompts.interrogation.terms import TermFilter, TermList, filtered, lists_in, published_lists
from prompts.interrogation.towers import ClipTowers, check_folder, towers_from_folder

_DRAFTS: dict[str, Callable[[Studio], Draft]] = {
    "tags": modes.tags,
    "fast": modes.fast,
    "classic": modes.classic,
    "best": modes.best,
    "negative": modes.negative,
}
_CAPTIONS_TOGETHER = 8  # pictures in one batch of the caption model
_RANDOM_NOTICE = (
    "The CLIP weights here are random: its ranked terms are chance, shown as evidence and left out of the spell. "
    "Measured facts are true. Get real weights with: spellwright models fetch clip-vit-l-14"
)
_DEMO_NOTICE = (
    "The CLIP here is the small demo model: it knows drawings of a few things on plain grounds. "
    "About anything else its terms are shown as evidence and left out of the spell. "
    "For photos get real weights with: spellwright models fetch clip-vit-l-14"
)
_NO_CAPTION_NOTICE = f"No caption model is on this machine, so there is no sentence. Get one with: {CAPTION_COMMAND}"


@dataclass(frozen=True, slots=True)
class ClipPaths:
    """Where the parts lie."""

    model: Path
    """Folder in open_clip's local format (see `towers.towers_from_folder`)."""
    terms: Path | None = None
    """Folder of `.txt` lists; `None` takes the published lists."""
    cache: Path | None = None
    """Folder for label tables; `None` computes them at every start."""
    caption: Path | None = None
    """BLIP's folder; `None` goes without a caption."""


@dataclass(frozen=True, slots=True)
class LoadedClip:
    """What `ClipInterrogator` works with once everything is in memory."""

    towers: ClipTowers
    lists: tuple[TermList, ...]
    captioner: Captioner | None = None
    table: LabelTable | None = None
    """The table of `lists` where it is at hand; `None` reads or computes it."""


class ClipInterrogator:
    """Interrogates with CLIP; loads its models at the first call and keeps them.

    Calls are serialised by a lock; they block, so keep them off the event loop.

    Args:
        load: Opens the models; called once, at the first picture.
        weights: What the model's weights are; see `WeightsKind`.
        options: Sizes of the modes, compatibility.
        cache: Folder for label tables; `None` computes them anew.
    """

    def __init__(
        self,
        load: Callable[[], LoadedClip],
        weights: WeightsKind,
        *,
        options: ClipOptions | None = None,
        cache: Path | None = None,
    ) -> None:
        self._load = load
        self._weights: WeightsKind = weights
        self._options = options or ClipOptions()
        self._cache = cache
        self._lock = threading.Lock()
        self._loaded: LoadedClip | None = None
        self._table: LabelTable | None = None

    @classmethod
    def from_paths(
        cls,
        paths: ClipPaths,
        weights: WeightsKind,
        *,
        device: str = "cpu",
        options: ClipOptions | None = None,
        rules: TermFilter | None = None,
    ) -> ClipInterrogator:
        """An interrogator over files of this machine; nothing is loaded yet, and no network is used.

        Args:
            paths: Where models, lists and cache are.
            weights: What the model's weights are.
            device: torch device for CLIP and BLIP.
            options: Sizes of the modes, compatibility.
            rules: Which terms to leave out.

        Raises:
            ClipModelMissing: A model file is missing; says which and how to get it.
        """
        check_folder(paths.model)
        if paths.caption is not None:
            check_caption_folder(paths.caption)

        def load() -> LoadedClip:
            lists = published_lists() if paths.terms is None else lists_in(paths.terms)
            captioner = None if paths.caption is None else BlipCaptioner(paths.caption, device)
            kept = filtered(lists, rules or TermFilter())
            return LoadedClip(towers_from_folder(paths.model, device), kept, captioner)

        return cls(load, weights, options=options, cache=paths.cache)

    def interrogate(
        self, picture: Image.Image, mode: str = "fast", on_progress: Progress | None = None
    ) -> Interrogation:
        """What `picture` shows; see `Interrogator`."""
        return self.interrogate_many([picture], mode, on_progress)[0]

    def interrogate_many(
        self, pictures: Sequence[Image.Image], mode: str = "fast", on_progress: Progress | None = None
    ) -> list[Interrogation]:
        """Several pictures at once: one pass of the picture tower and one ranking for all.

        `seconds` of each result is its own share: its own work, and an equal part of the common work.
        """
        mode = mode_named(mode)
        progress = on_progress or no_progress
        if not pictures:
            return []
        with self._lock:
            started = perf_counter()
            loaded, table = self._ready(progress)
            progress(0.2, "looking")
            features = loaded.towers.encode_pictures(pictures)
            ranked = self._ranked(features, table, mode)
            captions = self._captions(loaded, pictures, mode, progress)
            shared = (perf_counter() - started) / len(pictures)
            results = []
            for index, picture in enumerate(pictures):
                own = perf_counter()
                done = 0.4 + 0.6 * index / len(pictures)
                studio = Studio(
                    features[index : index + 1],
                    loaded.towers.text,
                    table,
                    self._options,
                    captions[index],
                    ranked[index],
                    _chain_progress(progress, done, 0.6 / len(pictures)),
                )
                result = self._result(picture, mode, _DRAFTS[mode](studio), studio.caption, loaded)
                results.append(result.with_seconds(shared + perf_counter() - own))
            progress(1.0, "done")
            return results

    def similarity(self, first: Image.Image, second: Image.Image) -> float:
        """Cosine of two pictures' features, -1..1; 1 for the same picture."""
        with self._lock:
            loaded, _ = self._ready(no_progress)
            features = loaded.towers.encode_pictures([first, second])
        return float(features[0] @ features[1])

    def warm_up(self, on_progress: Progress | None = None) -> None:
        """Load the models and build the label tables now instead of at the first picture."""
        with self._lock:
            self._ready(on_progress or no_progress)

    def _ready(self, progress: Progress) -> tuple[LoadedClip, LabelTable]:
        if self._loaded is None:
            progress(0.0, "loading models")
            self._loaded = self._load()
            self._table = self._loaded.table
        if self._table is None:
            sizes = {each.category: len(each.texts) for each in self._loaded.lists}
            read: dict[str, int] = {}

            def step(category: str, done: int, of: int) -> None:
                read[category] = done
                progress(0.2 * sum(read.values()) / sum(sizes.values()), f"reading {category} {done}/{of}")

            towers = self._loaded.towers
            self._table = build_table(self._loaded.lists, towers.text, towers.text_digest, self._cache, step)
        return self._loaded, self._table

    def _ranked(self, features: Tensor, table: LabelTable, mode: str) -> list[Ranked] | list[None]:
        if self._options.compat or mode not in ("fast", "tags", "best"):
            return [None] * len(features)
        count = self._options.shortlist if mode == "best" else self._options.max_terms
        return rank(features, modes.positive_table(table).features, count)

    def _captions(
        self, loaded: LoadedClip, pictures: Sequence[Image.Image], mode: str, progress: Progress
    ) -> list[str | None]:
        if loaded.captioner is None or mode in ("tags", "negative"):
            return [None] * len(pictures)
        captions: list[str | None] = []
        for start in range(0, len(pictures), _CAPTIONS_TOGETHER):
            progress(0.3 + 0.1 * start / len(pictures), "describing")
            captions += [text or None for text in loaded.captioner.captions(pictures[start:][:_CAPTIONS_TOGETHER])]
        return captions

    def _result(
        self, picture: Image.Image, mode: str, draft: Draft, caption: str | None, loaded: LoadedClip
    ) -> Interrogation:
        found = measure(picture)
        is_negative = mode == "negative"
        return Interrogation(
            caption=caption,
            terms=found.terms if is_negative else (*draft.terms, *found.terms),
            negative_terms=draft.terms if is_negative else (),
            mode=mode,
            model=loaded.towers.name,
            weights=self._weights,
            notice=self._notice(loaded, mode),
            palette=found.palette,
            prompt=draft.prompt,
            similarity=draft.similarity,
            size=picture.size,
        )

    def _notice(self, loaded: LoadedClip, mode: str) -> str:
        notices = {"random": _RANDOM_NOTICE, "trained-demo": _DEMO_NOTICE}
        parts = [notices[self._weights]] if self._weights in notices else []
        if loaded.captioner is None and mode not in ("tags", "negative"):
            parts.append(_NO_CAPTION_NOTICE)
        return " ".join(parts)


def _chain_progress(progress: Progress, start: float, width: float) -> modes.Step:
    def step(done: int, of: int) -> None:
        progress(start + width * done / of, f"chaining {done}/{of}")

    return step
