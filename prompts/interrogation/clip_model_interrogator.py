"""The interrogator with CLIP: measured facts, ranked terms, chains, and a caption where BLIP is there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from PIL import Image
from torch import Tensor

from prompts.interrogation import modes
from prompts.interrogation.caption import CAPTION_COMMAND, BlipCaptioner, Captioner, check_caption_folder
from prompts.interrogation.description import Description
from prompts.interrogation.interrogator import WITHOUT_CAPTION, Progress, mode_named, no_progress
from prompts.interrogation.label_table import LabelTable, build_table
from prompts.interrogation.measured import measure
from prompts.interrogation.modes import ClipOptions, Draft, Studio
from prompts.interrogation.ranking import Ranked, rank
from prompts.interrogation.result import CaptionSource, Interrogation, WeightsKind
from prompts.interrogation.terms import TermFilter, TermList, allowance, filtered, lists_in, published_lists
from prompts.interrogation.towers import ClipTowers, check_folder, towers_from_folder
from prompts.interrogation.wishes import Wishes
from prompts.pictures import remarks

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
_WEIGHTS_NOTICES: dict[WeightsKind, str] = {"random": _RANDOM_NOTICE, "trained-demo": _DEMO_NOTICE}
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
    own_terms: Path | None = None
    """Folder of further `.txt` lists beside those; one called like another takes its place."""


@dataclass(frozen=True, slots=True)
class LoadedClip:
    """What `ClipInterrogator` works with once everything is in memory."""

    towers: ClipTowers
    lists: tuple[TermList, ...]
    captioner: Captioner | None = None
    table: LabelTable | None = None
    """The table of `lists` where it is at hand; `None` reads or computes it."""


@dataclass(frozen=True, slots=True)
class Caption:
    """The sentence about one picture, whoever wrote it."""

    text: str | None = None
    by: str = ""
    source: CaptionSource = "none"
    notice: str = ""
    """What went wrong on the way to it."""


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
        self._filtered: tuple[TermFilter, LabelTable] | None = None

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
            lists = lists_of(paths)
            captioner = None if paths.caption is None else BlipCaptioner(paths.caption, device)
            kept = filtered(lists, rules or TermFilter())
            return LoadedClip(towers_from_folder(paths.model, device), kept, captioner)

        return cls(load, weights, options=options, cache=paths.cache)

    def interrogate(
        self,
        picture: Image.Image,
        mode: str = "fast",
        on_progress: Progress | None = None,
        wishes: Wishes | None = None,
        description: Description | None = None,
    ) -> Interrogation:
        """What `picture` shows; see `Interrogator`."""
        descriptions = None if description is None else [description]
        return self.interrogate_many([picture], mode, on_progress, wishes, descriptions)[0]

    def interrogate_many(
        self,
        pictures: Sequence[Image.Image],
        mode: str = "fast",
        on_progress: Progress | None = None,
        wishes: Wishes | None = None,
        descriptions: Sequence[Description] | None = None,
    ) -> list[Interrogation]:
        """Several pictures at once: one pass of the picture tower and one ranking for all.

        `seconds` of each result is its own share: its own work, and an equal part of the common work.

        Args:
            pictures: RGB, upright.
            mode: See `MODES`.
            on_progress: Told the finished share of all of them.
            wishes: For all of them; `None` wants everything, as tags.
            descriptions: Captions from elsewhere, one for each picture; those without text are asked of the
                caption model.
        """
        mode = mode_named(mode)
        wishes = wishes or Wishes()
        progress = on_progress or no_progress
        if not pictures:
            return []
        with self._lock:
            started = perf_counter()
            loaded, whole = self._ready(progress)
            table = self._allowed(loaded, whole, wishes.rules)
            options = self._options_for(wishes)
            progress(0.2, "looking")
            features = loaded.towers.encode_pictures(pictures)
            ranked = self._ranked(features, table, mode)
            told = self._told(loaded, pictures, mode, progress, descriptions)
            shared = (perf_counter() - started) / len(pictures)
            results = []
            for index, picture in enumerate(pictures):
                own = perf_counter()
                step = _chain_progress(progress, 0.4 + 0.6 * index / len(pictures), 0.6 / len(pictures))
                about = features[index : index + 1], loaded.towers.text, table, options
                caption = told[index].text
                said = caption and modes.shortened(caption, loaded.towers.text, wishes.caption_tokens)
                studio = Studio(*about, said, ranked[index], step)
                draft = modes.for_target(studio, mode, wishes.target, _DRAFTS[mode](studio))
                result = self._result(picture, mode, draft, told[index], loaded)
                seconds = shared + perf_counter() - own
                results.append(replace(result, target=wishes.target, max_tokens=wishes.max_tokens, seconds=seconds))
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

    def _options_for(self, wishes: Wishes) -> ClipOptions:
        return self._options if wishes.max_tokens is None else replace(self._options, max_tokens=wishes.max_tokens)

    def _allowed(self, loaded: LoadedClip, table: LabelTable, rules: TermFilter) -> LabelTable:
        """The table that `rules` leave; the last one is kept, since people ask with the same rules again."""
        if rules == TermFilter():
            return table
        if self._filtered is None or self._filtered[0] != rules:
            self._filtered = rules, table.where(allowance(loaded.lists, rules))
        return self._filtered[1]

    def _ranked(self, features: Tensor, table: LabelTable, mode: str) -> list[Ranked] | list[None]:
        if self._options.compat or mode not in ("fast", "tags", "best"):
            return [None] * len(features)
        count = self._options.shortlist if mode == "best" else self._options.max_terms
        return rank(features, modes.positive_table(table).features, count)

    def _told(
        self,
        loaded: LoadedClip,
        pictures: Sequence[Image.Image],
        mode: str,
        progress: Progress,
        descriptions: Sequence[Description] | None,
    ) -> list[Caption]:
        """The caption of each picture: the one that was brought along, else the caption model's."""
        if mode in WITHOUT_CAPTION:
            return [Caption()] * len(pictures)
        told = [_brought(each) for each in descriptions or [Description(None, "")] * len(pictures)]
        open_ones = [index for index, caption in enumerate(told) if caption.text is None]
        if not open_ones:
            return told
        if loaded.captioner is None:
            notices = [told[i].notice or _NO_CAPTION_NOTICE if i in open_ones else "" for i in range(len(told))]
            return [replace(each, notice=notice) for each, notice in zip(told, notices, strict=True)]
        for start in range(0, len(open_ones), _CAPTIONS_TOGETHER):
            progress(0.3 + 0.1 * start / len(pictures), "describing")
            batch = open_ones[start:][:_CAPTIONS_TOGETHER]
            texts = loaded.captioner.captions([pictures[index] for index in batch])
            for index, text in zip(batch, texts, strict=True):
                told[index] = Caption(text or None, loaded.captioner.name, "model", told[index].notice)
        return told

    def _result(
        self, picture: Image.Image, mode: str, draft: Draft, caption: Caption, loaded: LoadedClip
    ) -> Interrogation:
        found = measure(picture)
        is_negative = mode == "negative"
        return Interrogation(
            caption=caption.text or None,
            caption_by=caption.by if caption.text else "",
            caption_source=caption.source if caption.text else "none",
            terms=found.terms if is_negative else (*draft.terms, *found.terms),
            negative_terms=draft.terms if is_negative else (),
            mode=mode,
            model=loaded.towers.name,
            weights=self._weights,
            notice=" ".join(filter(None, (*remarks(picture), _WEIGHTS_NOTICES.get(self._weights), caption.notice))),
            palette=found.palette,
            prompt=draft.prompt,
            similarity=draft.similarity,
            size=picture.size,
            tokens=loaded.towers.text.length(draft.prompt) if draft.prompt else 0,
        )


def _brought(description: Description) -> Caption:
    return Caption(description.text, description.by, "chat", description.notice)


def lists_of(paths: ClipPaths) -> tuple[TermList, ...]:
    """The lists that `paths` lead to, own ones last.

    Raises:
        InterrogationError: A folder without terms.
    """
    lists = published_lists() if paths.terms is None else lists_in(paths.terms)
    own = () if paths.own_terms is None else lists_in(paths.own_terms)
    names = {each.category for each in own}
    return (*(each for each in lists if each.category not in names), *own)


def _chain_progress(progress: Progress, start: float, width: float) -> modes.Step:
    def step(done: int, of: int) -> None:
        progress(start + width * done / of, f"chaining {done}/{of}")

    return step
