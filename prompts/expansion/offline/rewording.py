"""Wishes about words -> edits of phrases: add, remove, replace, more, less, "make it night"."""

from __future__ import annotations

import re

from prompts.expansion.applying import apply
from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import (
    AddNegative,
    AddPhrase,
    DropLora,
    Edit,
    ReplacePhrase,
)
from prompts.expansion.offline.adding import added, added_one_by_one
from prompts.expansion.offline.ages import aged
from prompts.expansion.offline.cast import company
from prompts.expansion.offline.changing import (
    PREPOSITION,
    apply_look,
    change_state,
    change_style,
    state_named,
    topic,
    two_states,
)
from prompts.expansion.offline.cutting import cut, cut_group, cut_ideographs, whole_ground
from prompts.expansion.offline.filling import fill, is_known
from prompts.expansion.offline.garments import garment_named
from prompts.expansion.offline.glossary import english_kinds
from prompts.expansion.offline.intents import Intent
from prompts.expansion.offline.looks import look_named
from prompts.expansion.offline.mentions import Mention, instead, mentions
from prompts.expansion.offline.noun_phrase import NOUN_KINDS
from prompts.expansion.offline.places import PLACES, fill_place, moved, place_named, rivals_of, with_its_kind
from prompts.expansion.offline.recoloring import (
    listed_looks,
    look_class,
    new_background,
    plain_look,
    redressed,
    renewed,
    restyle_all,
    same_noun,
    with_looks,
)
from prompts.expansion.offline.scene import Scene, bare
from prompts.expansion.offline.scenery import style_in
from prompts.expansion.offline.things import (
    is_described_thing,
    is_noun,
    is_short_thing,
    is_unknown_comparative,
    kind_of_thing,
    look_behind,
    posed,
)
from prompts.expansion.offline.weighing import weighed, weighted_at
from prompts.expansion.offline.words import contains, fold, folded, plural, words
from prompts.expansion.phrases import split, unwrap
from prompts.spell import Spell

_STRONGER, _WEAKER = 1.2, 0.8
_DEGREE = re.compile(r"(more|less|not so|not as)\s+", re.IGNORECASE)
_COLOR_OF = re.compile(r"(?:'s)?\s+colou?r$|^colou?r of\s+", re.IGNORECASE)
_ADDS = re.compile(r"\b(?:add|include|insert|with|plus|another|put in)\b|加|添|再来", re.IGNORECASE)
_SEVERAL = re.compile(r"加(?:上|入)?(?:一些|几[只个条棵朵匹头]|许多|很多|一群)")
_MADE = ("color", "material")
_ALL_EXCEPT = re.compile(r"(?:everything|all)\b.*\b(?:except|besides|other than|apart from)\b", re.IGNORECASE)
_ONE = re.compile(r"\s+ones?$", re.IGNORECASE)
"""`change the bikini to a red one`."""
_TWO_WISHES = re.compile(r"\band (?:the|her|his|its|their) .*\b(?:to|into|with|for)\b", re.IGNORECASE)
_GOES_AWAY = frozenset(("stop", "go away", "disappear", "vanish", "go"))
_PICTURES = frozenset(("painting", "drawing", "picture", "image", "cartoon", "illustration", "render"))
_ALL_CLOTHES = frozenset(("clothe", "clothes", "clothing", "outfit", "costume", "衣服", "服装", "穿着", "穿搭"))
_JOINER = re.compile(r"\s*(?:,|、|\band\b|\bor\b)\s*", re.IGNORECASE)
_COMPARES = re.compile(r"\b(?:more|less|heavier|stronger|weaker)\b", re.IGNORECASE)
_STYLE_WORD = re.compile(r"\s+(?:style|look)$|^style of\s+", re.IGNORECASE)


def remove_words(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """Take out every mention, and forbid it in the negative prompt."""
    if _ALL_EXCEPT.match(intent.x):
        return None
    if (group := cut_group(spell.prompt, intent.x)) is not None:
        return [*group]
    edits: list[Edit] = [*cut_ideographs(spell.prompt, intent.x)]
    parts = [_as_called(part, spell.prompt) for part in _parts(intent.x, scene)]
    for part in parts:
        used = [lora for lora in spell.loras if lora.name.casefold() == part.casefold()]
        if used:
            edits.append(DropLora(used[0].name))
            continue
        edits += cut(spell.prompt, part, edits)
        if look_class(part) == "color" and any(whole_ground(m) != m for m in mentions(spell.prompt, part)):
            part = f"{part} background"
        if not any(contains(p.core, part) for p in split(spell.negative_prompt)):
            edits.append(AddNegative(part))
    return edits if parts else None


def _as_called(thing: str, prompt: str) -> str:
    """`small house` as the prompt has it, which may be `cabin`; `thing` where the prompt has that, or neither."""
    noun = _unstyled(thing)
    if mentions(prompt, thing) or mentions(prompt, noun):
        return thing
    others = load_toml("data", "turns.toml")["called"].get(fold(noun), ())
    return next((other for other in others if mentions(prompt, other)), thing)


def replace_words(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """`{x}` by `{y}` wherever the prompt speaks of it; a colour for a thing colours the thing."""
    new = scene.english(intent.y) if scene.knows_thing(intent.y) else ""
    if new and scene.is_whole_picture(intent.x):
        return become(Intent("become", x=intent.y), spell, scene)
    old = _COLOR_OF.sub("", topic(scene.english(intent.x)))
    if fold(old or intent.x) in _ALL_CLOTHES and any(garment_named(thing) for thing in _JOINER.split(new)):
        return added_one_by_one(_JOINER.split(new), spell)
    if fold(old or intent.x) in _ALL_CLOTHES and not mentions(spell.prompt, old) and kind_of_thing(new) == "clothing":
        return _dressed(bare(new), spell)
    if _ONE.search(new):
        new = bare(_ONE.sub("", new))
    new = _with_its_noun(new, old)
    if _TWO_WISHES.search(intent.y):
        return None
    if not old or not new or _COMPARES.search(intent.y) or is_unknown_comparative(new, old):
        return None
    if contains(new, old) and not mentions(spell.prompt, old):
        return added(new, spell)
    if new in _GOES_AWAY:
        return remove_words(Intent("no", intent.x), spell, scene)
    return _in_place(old, new, spell, scene)


def _with_its_noun(new: str, old: str) -> str:
    """`red with gold trim` said of a cloak: `red cloak with gold trim`; other words as they are."""
    look, link, rest = new.partition(" with ")
    look = bare(look)
    is_one = look.casefold() == "one"
    if not link or not is_noun(old) or not (is_one or look_class(look)):
        return new
    return f"{words(old)[-1] if is_one else f'{look} {words(old)[-1]}'} with {rest}"


def _in_place(old: str, new: str, spell: Spell, scene: Scene) -> list[Edit] | None:
    """Another state, style or place where `old` is one, else what the prompt says of `old` in other words."""
    if _is_style(new) and (_is_style(old) or fold(old) in _PICTURES):
        return _as_state(bare(new), spell)
    was, will = state_named(old), state_named(new)
    if will is not None and (was.group == will.group if was is not None else place_named(old)):
        return change_state(will, spell)  # a forest stays one in autumn
    old = _as_called(old, spell.prompt)
    found = mentions(spell.prompt, old) or mentions(spell.prompt, _unstyled(old))
    is_look = bool(look_class(bare(new))) and not look_class(old)
    if not found and fold(old) in PLACES:
        return moved(topic(scene.as_written(new)), spell)
    elsewhere = fill_place(new, spell, moves=True) if not found and fold(old) == "background" else None
    if elsewhere is not None:
        return elsewhere
    if not found and is_look and " and " in old:
        return _each(old.split(" and "), new, spell, scene)
    if not found:
        return _new_look(_unstyled(old), bare(new), spell, is_look=is_look)
    look = look_named(new) if kind_of_thing(old) == "light" else None
    if look is not None:
        return apply_look(look, spell)
    return _replaced(old, new, found, spell, is_look=is_look)


def _each(things: list[str], look: str, spell: Spell, scene: Scene) -> list[Edit] | None:
    """`hair and eyes` made blue: each of them, or nothing."""
    edits: list[Edit] = []
    for thing in things:
        more = _in_place(bare(thing), look, apply(spell, edits), scene)
        if more is None:
            return None
        edits += more
    return edits


def _replaced(old: str, new: str, found: list[Mention], spell: Spell, *, is_look: bool) -> list[Edit] | None:
    """What the prompt says of `old` in other words, or another look for it."""
    if is_look and look_class(old.rpartition(" ")[0]) == look_class(bare(new)):
        found = mentions(spell.prompt, _unstyled(old))  # `the black hair` for pink: the colour, not a further one
    if place_named(old) and place_named(new):
        found = [with_its_kind(mention) for mention in found]
    if is_look and fold(old) == "background":
        return renewed(f"{bare(new)} {old}", spell.prompt)
    if fold(old) == "sky" and state_named(new) is not None:
        return [redressed(mention, f"{topic(new)} sky") for mention in found]
    looks = [] if look_class(old) else listed_looks(new)
    if is_look and len(looks) == 1:
        return restyle_all(found, bare(new))
    if looks:
        return [with_looks(mention, looks) for mention in found]
    same = [edit for mention in found if (edit := same_noun(mention, new)) is not None]
    if same:
        return same
    if fold(old) != "background" and any(look_class(word) in _MADE for word in words(new)):
        return [redressed(mention, bare(new)) for mention in found]  # another thing of another colour or stuff
    if fold(old) == "background":
        return [new_background(found[0], f"{topic(new).removesuffix(' background')} background")]
    return [ReplacePhrase(mention.phrase.core, instead(mention, topic(new))) for mention in found]


def _dressed(clothing: str, spell: Spell) -> list[Edit]:
    """The first thing to wear that the prompt names becomes `clothing`; where it names none, it is added."""
    kinds = english_kinds()
    worn = next((w for p in split(spell.prompt) for w in words(p.core) if kinds.get(fold(w)) == "clothing"), "")
    found = mentions(spell.prompt, worn) if worn else []
    return [redressed(found[0], clothing)] if found else added(clothing, spell)


def look_of_thing(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """`her hair blonde`, `dress to white`: a thing and a look, in words too loose to trust with anything else."""
    old, new = bare(scene.english(intent.x)), bare(scene.english(intent.y))
    return replace_words(intent, spell, scene) if look_class(new) and old and is_noun(old) else None


def _new_look(old: str, new: str, spell: Spell, *, is_look: bool) -> list[Edit] | None:
    """A thing that the prompt does not speak of yet, as it should look; `None` when `new` is no look."""
    if fold(old) == "background":
        return added(f"{topic(new).removesuffix(' background')} background", spell)
    if is_look and not is_noun(old):
        return None
    look = look_named(new)
    if look is not None and look_class(new) != "color":
        return apply_look(look, spell)
    return added(f"{plain_look(new)} {old}", spell) if is_look else None


def _unstyled(text: str) -> str:
    """`blue hat` -> `hat`, when all that stands before the noun are looks."""
    *before, noun = text.split() or [""]
    return noun if noun and all(look_class(word) for word in before) else text


def less_of(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """Weigh every mention down; too much of a look turns to its opposite; what is not there is forbidden."""
    edits: list[Edit] = []
    if _COMPARES.search(intent.x):
        return None  # `less bench more flowers`
    for part in _parts(intent.x, scene):
        found = _spoken_of(spell.prompt, part)
        look = look_named(part)
        if found:
            edits += [weighed(mention, _WEAKER) for mention in found]
        elif look is not None and look.opposite is not None:
            edits += apply_look(look.opposite, spell)
        else:
            edits.append(AddNegative(f"{part} tint" if look_class(part) == "color" else part))
    return edits or None


def weigh(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """`the weight of the dress to 1.3`: what the prompt says of it with exactly that weight."""
    wanted = bare(scene.english(intent.x))
    found = mentions(spell.prompt, wanted) if wanted else []
    return [weighted_at(mention, intent.numbers[0]) for mention in found[:1]] or None


def heavier(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """`the rain heavier`: only for weather and the like, of which the table knows what that is called."""
    thing = fold(bare(scene.english(intent.x)).removeprefix("in the "))
    called = load_toml("data", "turns.toml")["heavier"].get(thing)
    if called is None:
        return None
    found = mentions(spell.prompt, thing)
    return [ReplacePhrase(m.phrase.core, instead(m, called)) for m in found] or [AddPhrase(called)]


def more_of(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """Weigh every mention up; what is not there is added."""
    edits: list[Edit] = []
    for part in _parts(intent.x, scene):
        like = part.removeprefix("like ")
        if like != part:
            edits += _as_state(like, spell) or []
            continue
        found = _spoken_of(spell.prompt, part)
        look = look_named(part)
        if found:
            edits += [weighed(mention, _STRONGER) for mention in found]
        elif look is not None:
            edits += apply_look(look, spell)
        else:
            edits += added(part, spell)
    return edits or None


def become(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """Another time of day, weather, season, framing, style or look; other words are added."""
    degree = _DEGREE.match(intent.x)
    if degree:
        wish = Intent("more" if degree[1] == "more" else "less", intent.x[degree.end() :])
        return more_of(wish, spell, scene) if wish.kind == "more" else less_of(wish, spell, scene)
    text = posed(plain_look(scene.english(intent.x)))
    is_half = not scene.knows_thing(intent.x) and (is_noun(text) or bool(look_class(text)))
    if not text or is_half:  # `白色` of `白色比基尼`
        return None
    slotted = fill(text, spell, "become")
    return slotted if slotted is not None else aged(text, spell) or _as_state(text, spell)


def _company(text: str, spell: Spell, scene: Scene) -> list[Edit]:
    """What goes when somebody else is added; `make her a nurse` adds nobody."""
    return company(text, spell) if _ADDS.search(scene.message) else []


def be(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """`make her a boy`, `she's standing`: what somebody is or does, when a slot of the prompt can hold it."""
    text = posed(scene.english(intent.x)) if scene.knows_thing(intent.x) else ""
    return fill(text, spell, "become") if text else None


def add_words(intent: Intent, spell: Spell, scene: Scene) -> list[Edit] | None:
    """Add the words; what a person can wear is worn."""
    text = scene.english(intent.x) if scene.knows_thing(intent.x) else ""
    if not text:
        return None
    text = posed(plain_look(text))
    if _SEVERAL.search(scene.message) and kind_of_thing(text) in NOUN_KINDS and text != bare(text):
        text = plural(bare(text))
    known = fill(text, spell, "add")
    if known is None:
        known = aged(text, spell) or _as_state(text, spell, only_known=True)
    if known is not None:
        return known
    things = _JOINER.split(text)
    if not all(kind_of_thing(thing) in NOUN_KINDS for thing in things):
        return [*_company(text, spell, scene), *added(text, spell)]
    return [*_company(text, spell, scene), *added_one_by_one(things, spell)]


def bare_words(clause: str, spell: Spell, scene: Scene) -> list[Edit] | None:
    """A clause without a verb: a state, style or look that is known, or a thing or pose in three words; else `None`."""
    said = clause.strip(" .!?。！？")
    text = scene.english(said)
    if not text or not scene.knows_all(said):
        return None
    text = posed(text)
    known = fill(text, spell, "bare")
    if known is None:
        known = _as_state(text, spell, only_known=True)
    if known is None and is_known(text):
        return added(text, spell)
    things = _JOINER.split(text)
    turned = look_behind(text)
    if known is None and turned is not None:
        return added(turned, spell)
    if known is None and len(things) > 1 and all(map(is_short_thing, things)):
        return added_one_by_one(things, spell)
    if known is None and (is_short_thing(text) or is_described_thing(text)):
        return [*rivals_of(text, spell), *added(text, spell)]
    return known


def _as_state(text: str, spell: Spell, *, only_known: bool = False) -> list[Edit] | None:
    core = _STYLE_WORD.sub("", PREPOSITION.sub("", text.strip())).strip()
    look = look_named(text) or look_named(core)
    state = state_named(core) or state_named(text)
    style = style_in(core)
    if state is not None:
        return change_state(state, spell, topic(core))
    both = two_states(core)
    if both is not None:
        changed = change_state(both[0], spell)
        return [*changed, *change_state(both[1], apply(spell, changed))]
    head, _, things = core.partition(" with ")
    state = state_named(head) if things else None
    if state is not None:
        changed = change_state(state, spell, topic(head))
        return [*changed, *added_one_by_one(_JOINER.split(things), apply(spell, changed))]
    if style is not None and any(len(folded(core)) <= len(folded(word)) + 1 for word in style.words):
        is_its_name = len(folded(core)) > 1 and any(folded(core) == folded(word) for word in style.words)
        return change_style(style, core if is_its_name else style.tags[0], spell)
    if look is not None:
        return apply_look(look, spell)
    return None if only_known else added(text, spell)


def _is_style(text: str) -> bool:
    """Whether `text` is the name of a style and nothing besides."""
    style = style_in(bare(text))
    return style is not None and any(folded(bare(text)) == folded(word) for word in (*style.words, *style.tags))


def _parts(text: str, scene: Scene) -> list[str]:
    """The things a wish lists, in English and without articles."""
    return [part for raw in _JOINER.split(scene.english(unwrap(text).core)) if (part := topic(raw))]


def _spoken_of(prompt: str, wanted: str) -> list[Mention]:
    """Where `prompt` speaks of `wanted`, or, when that is a style, of the style by another of its names."""
    found = mentions(prompt, wanted)
    style = style_in(wanted) if not found else None
    names = style.words if style is not None else ()
    whole = ([m for m in mentions(prompt, name) if m.is_whole] for name in names)
    return found or next((again for again in whole if again), [])
