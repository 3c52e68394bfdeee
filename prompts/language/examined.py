"""One prompt text under lint: what several rules need is worked out once."""

from __future__ import annotations

from functools import cached_property

from prompts.language.networks import Tag, tags
from prompts.language.phrases import Phrase, phrases
from prompts.language.weights import Fragment, PairRun, Scan, scan


class Examined:
    """A text, the field it stands in, and its parts, each found when first asked for."""

    def __init__(self, field: str, text: str) -> None:
        self.field = field
        self.text = text

    @cached_property
    def _scan(self) -> Scan:
        return scan(self.text)

    @property
    def fragments(self) -> list[Fragment]:
        """Weighted stretches, unmerged."""
        return self._scan.fragments

    @property
    def runs(self) -> list[PairRun]:
        """Bracket pairs, those directly inside each other as one."""
        return self._scan.runs

    @property
    def stray(self) -> list[int]:
        """Positions of brackets without a partner."""
        return self._scan.stray

    @cached_property
    def phrases(self) -> tuple[Phrase, ...]:
        """Comma-separated phrases."""
        return phrases(self.text)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """What each phrase says."""
        return tuple(phrase.words for phrase in self.phrases)

    @cached_property
    def tags(self) -> tuple[Tag, ...]:
        """Extra network tags."""
        return tuple(tags(self.text)) if "<" in self.text else ()

    def is_bracketed(self, places: list[int]) -> list[bool]:
        """For each of the ascending `places`, whether it lies inside a bracket pair; linear time."""
        edges = sorted([(run.start, 1) for run in self.runs] + [(run.end - 1, -1) for run in self.runs])
        result: list[bool] = []
        depth = at = 0
        for place in places:
            while at < len(edges) and edges[at][0] <= place:
                depth += edges[at][1]
                at += 1
            result.append(depth > 0)
        return result
