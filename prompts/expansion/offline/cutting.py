"""Taking words out of a prompt: whole phrases, or what a longer phrase says of a thing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import Edit, RemovePhrase, ReplacePhrase
from prompts.expansion.offline.glossary import english_kinds
from prompts.expansion.offline.intents import Intent
from prompts.expansion.offline.mentions import Mention, mentions, without
from prompts.expansion.offline.noun_phrase import NOUN_KINDS
from prompts.expansion.offline.recoloring import unstyled
from prompts.expansion.offline.scene import Scene, bare
from prompts.expansion.offline.scenery import style_in
from prompts.expansion.offline.words import contains, fold, folded
from prompts.expansion.phrases import split
from prompts.spell import Spell

_BARE_GROUND = re.compile(r"(?:^|\b(?:on|with|against|in front of)\s+)(?:an?|the)?\s*background\b", re.IGNORECASE)


def cut_all(prompt: str, words: Iterable[str], keep: str = "", before: Iterable[Edit] = ()) -> list[Edit]:
    """Cut every mention of each of `words`, the longest first; what `keep` says, and `before` changed, stays."""
    edits: list[Edit] = []
    touched = {edit.old for edit in before if isinstance(edit, ReplacePhrase)}
    for word in sorted(set(words), key=lambda w: (-len(folded(w)), w)):
        if keep and contains(keep, word):
            continue
        for edit in cut(prompt, word, edits):
            name = (
                edit.phrase if isinstance(edit, RemovePhrase) else edit.old if isinstance(edit, ReplacePhrase) else ""
            )
            if name not in touched:
                touched.add(name)
                edits.append(edit)
    return edits


def cut_ideographs(prompt: str, word: str) -> list[RemovePhrase]:
    """A prompt in Chinese has no words to cut: a later phrase that holds `word` goes as a whole."""
    if not word or word.isascii():
        return []
    return [RemovePhrase(phrase.core) for phrase in split(prompt)[1:] if word in phrase.core]


def cut(prompt: str, word: str, before: Iterable[Edit]) -> list[RemovePhrase | ReplacePhrase]:
    """Remove or shorten each phrase that mentions `word`; phrases already edited in `before` are left."""
    done = {e.phrase for e in before if isinstance(e, RemovePhrase)}
    rewritten = {e.old: e.new for e in before if isinstance(e, ReplacePhrase)}
    edits: list[RemovePhrase | ReplacePhrase] = []
    found = mentions(prompt, word)
    found = [mention for mention in found if not _is_compound(mention)] or found
    for mention in found:
        core = mention.phrase.core
        if core in done or core in rewritten:
            continue
        left = None if mention.is_whole else _grounded(unstyled(mention)) or without(whole_ground(mention))
        edits.append(RemovePhrase(core) if left is None else ReplacePhrase(core, left))
    return edits


def cut_group(prompt: str, said: str) -> list[RemovePhrase] | None:
    """The phrases of a kind that people name as one (`the quality tags`); `None` when `said` names no such kind."""
    groups = load_toml("data", "turns.toml")["groups"].values()
    group = next((group for group in groups if said.strip().casefold() in group["words"]), None)
    if group is None:
        return None
    return [RemovePhrase(phrase.core) for phrase in split(prompt) if phrase.key in group["phrases"]]


def _is_compound(mention: Mention) -> bool:
    """Whether the words only say what another thing is like: the `mountain` of `a mountain lake`."""
    following = re.match(r"\s+([^\W_]+)", mention.phrase.core[mention.end :])
    return following is not None and english_kinds().get(fold(following.group(1))) in NOUN_KINDS


def _grounded(left: str | None) -> str | None:
    """`left`, unless it ends on a background of which nothing is said any more."""
    return None if left is None or _BARE_GROUND.search(left) else left


def whole_ground(mention: Mention) -> Mention:
    """The mention of a background's colour, or of the background with it, when nothing else is said of it."""
    rest = mention.phrase.core[mention.end :]
    ground = re.match(r"\s+background\b", rest, re.IGNORECASE)
    return mention if ground is None else Mention(mention.phrase, mention.start, mention.end + ground.end())


def keep_only(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """Every phrase without the thing goes; of the one with it, what says where it is and what it wears."""
    wanted = bare(scene.english(intent.x))
    found = mentions(spell.prompt, wanted) if wanted else []
    if not found:
        return None
    kept = {mention.phrase.core for mention in found}
    style = style_in(spell.prompt)
    names = () if style is None else (*style.tags, *style.words)
    edits: list[Edit] = [
        RemovePhrase(p.core)
        for p in split(spell.prompt)
        if p.core not in kept and not any(folded(p.core) == folded(name) for name in names)
    ]
    for mention in found:
        alone = mention.phrase.core[: mention.end]
        edits += [ReplacePhrase(mention.phrase.core, alone)] if alone != mention.phrase.core else []
    return edits
