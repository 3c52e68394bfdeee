"""What a picture has one of: a new value takes the place of the old one, and nothing else is touched."""

from __future__ import annotations

import pytest

from prompts.expansion.applying import apply
from prompts.expansion.data_files import load_toml
from prompts.expansion.edits import AddNegative, SetParam
from prompts.expansion.families import SD15
from prompts.expansion.offline.exclusive import values
from prompts.expansion.offline.scene import Scene
from prompts.expansion.offline.turns import read_turn
from prompts.expansion.offline.words import folded
from prompts.spell import HiresFix, Lora, Spell

TAGS = (
    "(masterpiece, best quality:1.2), 1girl, solo, long black hair, white dress, sitting on a bench, park, "
    "cherry blossoms, <lora:koreanDollLikeness:0.66>"
)


def after(prompt: str, message: str, locked: tuple[str, ...] = ()) -> str:
    """The prompt after the turn; the reply in brackets when it was not understood."""
    spell = Spell(prompt, "lowres")
    turn = read_turn(spell, message, Scene(SD15, locked=locked))
    assert not any(isinstance(edit, AddNegative) for edit in turn.edits), turn.edits
    return apply(spell, turn.edits, locked).prompt if turn.understood else f"[{turn.reply}]"


@pytest.mark.parametrize(
    ("prompt", "message", "expected"),
    [
        # people
        ("1girl, solo, hat", "two girls", "2girls, hat"),
        ("1girl, solo, hat", "两个女孩", "2girls, hat"),
        ("1girl, solo, hat", "make it a boy", "1boy, solo, hat"),
        ("1girl, solo, hat", "make her an adult woman", "adult woman, solo, hat"),
        ("1girl, solo, hat", "add a boy", "1girl, 1boy, hat"),
        ("1girl, solo, hat", "add another girl", "2girls, hat"),
        ("(1girl:1.2), solo, hat", "1boy", "(1boy:1.2), solo, hat"),
        ("1girl, solo, hat", "改成两个人", "2girls, hat"),
        ("1girl, solo, hat", "two girls holding hands", "2girls, hat, holding hands"),
        ("no humans, hills", "add a girl on a hill", "hills, a girl on a hill"),
        ("1girl, solo, hat", "make her a nurse", "1girl, solo, hat, a nurse"),
        ("1girl, 1boy, hat", "just a girl", "1girl, hat"),
        ("a tall man in his garden", "make it a woman", "a tall woman in her garden"),
        ("a man and a woman in rain", "make it two women", "two women in rain"),
        ("a cat in a box", "make it a dog", "a dog in a box"),
        ("a cat and a bird", "make it a dog", "a cat and a bird, dog"),
        ("a portrait of an old man with a pipe", "two women", "a portrait of two women with a pipe"),
        # age
        ("1girl, solo, hat", "年纪大一点", "adult woman, solo, hat"),
        ("a man in a hat", "make him look a bit older", "a middle-aged man in a hat"),
        ("a young man in a hat", "成熟一点", "an adult man in a hat"),
        ("a woman, 25 years old, hat", "make her 40", "a woman, 40 years old, hat"),
        # posture
        ("1girl, sitting on a bench, hat", "站着", "1girl, standing, hat"),
        ("1girl, (sitting on a bench:1.3), hat", "she's standing now", "1girl, (standing:1.3), hat"),
        ("1girl, walking in the park", "make her run", "1girl, running in the park"),
        ("a cat sleeping on a sofa", "make it sit", "a cat sitting on a sofa"),
        ("1girl, standing, birds flying", "sitting on a swing", "1girl, sitting on a swing, birds flying"),
        ("a knight riding a horse in the snow", "make him stand", "a knight standing in the snow"),
        ("two men walking hand in hand through a market", "sitting", "two men sitting in a market"),
        ("1girl, running water, standing", "kneeling", "1girl, running water, kneeling"),
        # place
        ("1girl, sitting on a bench, park", "put her in a cafe", "1girl, sitting, cafe"),
        ("1girl, in a park, hat", "put her in a cafe", "1girl, in a cafe, hat"),
        ("1girl, (park:1.2), hat", "move it to a beach at sunset", "1girl, (beach at sunset:1.2), hat"),
        ("1girl, park, at night", "move it to a beach at sunset", "1girl, beach at sunset"),
        ("1girl, park, hat", "背景换成海边日落", "1girl, beach at sunset, hat"),
        ("1girl, park, hat", "换成赛博朋克城市", "1girl, cyberpunk city, hat"),
        ("1girl, park, hat", "cyberpunk city background", "1girl, cyberpunk city, hat"),
        ("1girl, park, hat", "indoors please", "1girl, indoors, hat"),
        ("1girl, simple background, park", "in a library", "1girl, library"),
        ("a woman walking through a forest", "move her to the beach", "a woman walking through a beach"),
        ("1girl, sitting on a bench, park", "walking on the beach", "1girl, walking on the beach"),
        ("1girl, sitting on a bench, park", "在海边散步", "1girl, walking on a beach"),
        ("1girl, shallow depth of field, cafe", "in a garden", "1girl, shallow depth of field, garden"),
        ("1girl, park, hat", "take her to paris", "1girl, Paris, hat"),
        ("1girl, field of flowers", "beach", "1girl, field of flowers, beach"),
        ("1girl, moon, night sky", "in a forest", "1girl, moon, night sky, forest"),
        ("a woman sitting in a living room", "in a kitchen", "a woman sitting in a kitchen"),
        ("1girl, sitting on a sofa in a room", "standing on the beach", "1girl, standing on the beach"),
        ("1girl, park, hat", "add a castle in the background", "1girl, park, hat, a castle in the background"),
        ("mountains, lake, cabin", "add a bridge", "mountains, lake, cabin, a bridge"),
        # clothes
        ("1girl, white dress, hat", "换成红色旗袍", "1girl, red qipao, hat"),
        ("1girl, (white dress:1.2), hat", "wearing a kimono", "1girl, (kimono:1.2), hat"),
        ("1girl, white dress, hat", "穿牛仔裤和T恤", "1girl, jeans, hat, wearing a t-shirt"),
        ("a woman wearing jeans", "put her in a red dress", "a woman wearing a red dress"),
        ("1girl, shirt, skirt, coat", "black suit", "1girl, black suit"),
        ("1girl, white dress", "add a denim jacket", "1girl, white dress, wearing a denim jacket"),
        ("a man with short hair in shorts", "wearing jeans", "a man with short hair in jeans"),
        # one of a few
        ("1girl, closed mouth, hat", "open mouth", "1girl, open mouth, hat"),
        ("1girl, hat", "张嘴", "1girl, hat, open mouth"),
        ("1girl, (soft smile:1.1), hat", "make her angry", "1girl, (angry:1.1), hat"),
        ("1girl, looking at viewer, hat", "低头看书", "1girl, looking down, hat, reading"),
        ("a man looking at the camera, hat", "looking away", "a man looking away, hat"),
        ("1girl, looking away", "微笑着看镜头", "1girl, looking at viewer, smile"),
        ("1girl, from behind", "front view", "1girl, front view"),
        ("1girl, twintails", "马尾", "1girl, ponytail"),
        ("hills, (dramatic sky:1.2)", "clear sky", "hills, (clear sky:1.2)"),
        ("hills, sunset, dramatic sky", "night sky", "hills, night sky"),
        ("hills, river", "加一些鸟", "hills, river, birds"),
        ("1girl, soft lighting", "make the lighting warmer", "1girl, soft lighting, warm light"),
        # two wishes of one verb
        (
            "1girl, blue hair, red eyes",
            "change the red eyes to green and the hair to pink",
            "1girl, pink hair, green eyes",
        ),
        ("1girl, red kimono, brown hair", "make the kimono blue and the hair black", "1girl, blue kimono, black hair"),
        ("a girl with a fan, temple", "replace fan with flowers and temple with beach", "a girl with flowers, beach"),
        ("1girl, short brown hair, green eyes", "头发和眼睛都换成蓝色", "1girl, short blue hair, blue eyes"),
        ("1girl, ears, forest", "make the ears bigger and the forest greener", "1girl, big ears, forest"),
        # another of the same thing
        ("1girl, green cloak", "the cloak should be red with gold trim", "1girl, red cloak with gold trim"),
        ("1girl, white dress", "change the dress to one with stars", "1girl, white dress with stars"),
        ("1girl, leather armor", "the armor should be steel", "1girl, steel armor"),
        ("1girl, forest", "change the forest to autumn", "1girl, forest, in autumn"),
        ("1girl, black bikini", "change the bikini to a red one", "1girl, red bikini"),
        ("1boy, black jacket", "change black to white", "1boy, white jacket"),
        ("hills, blue sky", "天空换成晚霞", "hills, sunset sky"),
        # somebody else, and things that nobody wears
        ("1boy, night", "girl hugging him from behind", "1boy, 1girl, night, hugging him from behind"),
        ("1man, black armor", "more detail in the armor", "1man, black armor, detail in the armor"),
        ("1boy, helmet", "he's holding his helmet", "1boy, helmet, holding his helmet"),
        # words of tag prompts that stand alone
        ("1girl, hat", "crossed arms", "1girl, hat, crossed arms"),
        ("1girl, hat", "holding an umbrella", "1girl, hat, holding an umbrella"),
    ],
)
def test_a_new_value_takes_the_place_of_the_old_one(prompt: str, message: str, expected: str) -> None:
    assert after(prompt, message) == expected


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("1girl, closed mouth", "open mouth"),
        ("1girl, sitting on a bench", "站着"),
        ("1girl, park", "put her in a cafe"),
        ("1girl, white dress", "换成红色旗袍"),
        ("1girl, solo", "two girls"),
    ],
)
def test_a_locked_phrase_is_not_replaced(prompt: str, message: str) -> None:
    locked = prompt.partition(", ")[2] if message != "two girls" else "1girl"
    assert locked in after(prompt, message, (locked,)).replace("[", prompt)


@pytest.mark.parametrize("message", ["站着", "put her in a cafe", "two girls", "换成红色旗袍", "make her angry"])
def test_tags_breaks_and_schedules_stay(message: str) -> None:
    prompt = f"{TAGS} BREAK [park:beach:0.5], [white dress|kimono], smile"
    made = after(prompt, message)
    assert made != prompt
    for kept in (
        "(masterpiece, best quality:1.2)",
        "<lora:koreanDollLikeness:0.66> BREAK [park:beach:0.5]",
        "[white dress|",
    ):
        assert kept in made


SPELL = Spell(TAGS, "lowres").evolve(steps=28, cfg_scale=8.0, sampler="DPM++ SDE", schedule_type="Karras", seed=1)


@pytest.mark.parametrize(
    ("message", "name", "value"),
    [
        ("turn cfg down to 6", "cfg_scale", 6.0),
        ("lower the cfg to 6.5", "cfg_scale", 6.5),
        ("cfg降到6", "cfg_scale", 6.0),
        ("把CFG调到6", "cfg_scale", 6.0),
        ("bump the steps up to 40", "steps", 40),
        ("步数改成40", "steps", 40),
        ("把步数提高到40", "steps", 40),
        ("change the seed to 77", "seed", 77),
        ("种子改成77", "seed", 77),
        ("set clip skip to 2", "clip_skip", 2),
        ("swap sampler to Euler a", "sampler", "Euler a"),
        ("switch the sampler to DDIM", "sampler", "DDIM"),
        ("采样器换成 Euler a", "sampler", "Euler a"),
        ("宽度调到768", "width", 768),
    ],
)
def test_a_parameter_is_set_by_any_everyday_verb(message: str, name: str, value: object) -> None:
    turn = read_turn(SPELL, message, Scene(SD15))
    assert turn.edits == (SetParam(name, value),), turn  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "message", ["upscale it 2x", "2x hires fix", "hires fix at 2x", "放大2倍", "高清修复2倍", "2倍放大"]
)
def test_upscaling_by_a_factor_switches_the_second_pass_on(message: str) -> None:
    turn = read_turn(SPELL, message, Scene(SD15))
    hires = apply(SPELL, turn.edits).params.hires
    assert hires is not None and hires.upscale_by == 2.0


def test_upscaling_beyond_the_limit_is_not_done() -> None:
    assert not read_turn(SPELL, "upscale it 900x", Scene(SD15)).understood


def test_a_pass_that_is_on_keeps_its_other_settings() -> None:
    spell = SPELL.evolve(hires=HiresFix(upscale_by=1.5, denoising_strength=0.3))
    hires = apply(spell, read_turn(spell, "upscale it 2x", Scene(SD15)).edits).params.hires
    assert hires is not None and (hires.upscale_by, hires.denoising_strength) == (2.0, 0.3)


@pytest.mark.parametrize("is_typed", [False, True])
@pytest.mark.parametrize(
    ("message", "weights"),
    [
        ("lower the lora to 0.4", [0.4]),
        ("turn the lora weight up to 0.9", [0.9]),
        ("lora权重降到0.4", [0.4]),
        ("把lora调到0.4", [0.4]),
        ("set the korean lora to 0.5", [0.5]),
        ("drop the lora", []),
        ("remove the korean lora", []),
        ("去掉lora", []),
        ("把lora去掉", []),
        ("no loras", []),
    ],
)
def test_the_one_lora_needs_no_name(message: str, weights: list[float], is_typed: bool) -> None:
    lifted = Spell(TAGS.partition(", <lora")[0], loras=(Lora("koreanDollLikeness", 0.66),))
    spell = Spell(TAGS) if is_typed else lifted
    made = apply(spell, read_turn(spell, message, Scene(SD15)).edits)
    assert [lora.weight for lora in made.loras] == weights
    assert "<lora" not in made.prompt


@pytest.mark.parametrize("message", ["lower the lora to 0.4", "drop the lora", "去掉lora", "lora权重降到0.4"])
def test_of_two_loras_none_is_guessed(message: str) -> None:
    spell = Spell("a cat", loras=(Lora("one", 0.5), Lora("two", 0.6)))
    turn = read_turn(spell, message, Scene(SD15))
    assert not turn.understood and turn.edits == ()


@pytest.mark.parametrize(
    "message",
    ["weight of white dress 1.3", "set the dress weight to 1.3", "white dress at weight 1.3", "(white dress:1.3)",
     "裙子的权重调到1.3", "把白裙子权重改成1.3"],
)  # fmt: skip
def test_a_phrase_gets_the_weight_that_was_said(message: str) -> None:
    assert "(white dress:1.3)" in after(TAGS, message)


@pytest.mark.parametrize("message", ["make her younger", "年轻一点", "make her a bit younger", "look younger"])
@pytest.mark.parametrize("prompt", ["1girl, hat", "a woman in a hat", "a girl in a hat"])
def test_nobody_is_made_a_child(prompt: str, message: str) -> None:
    made = after(prompt, message)
    assert not {"child", "kid", "teen", "little", "loli", "toddler"} & set(folded(made))


def test_the_ages_of_a_wish_are_written_as_they_are_said() -> None:
    assert "12 years old" in after("a woman, 25 years old", "make her 12 years old")  # the content rules see it


def test_no_way_to_say_a_value_means_two_values() -> None:
    said = [(folded(word), value.slot, value.name) for value in values() for word in (*value.words, *value.also)]
    first: dict[tuple[str, ...], tuple[str, str]] = {}
    twice = [row for row in said if first.setdefault(row[0], row[1:]) != row[1:]]
    assert twice == []


def test_every_garment_has_one_layer_and_every_place_one_list() -> None:
    table = load_toml("data", "slots.toml")
    for lists in (
        [table["garment"][layer] for layer in table["garment"]["displaces"]],
        [table["place"][kind] for kind in ("indoor", "outdoor", "features")],
    ):
        names = [name for row in lists for name in row]
        assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "message",
    [
        "换成女武士",  # the sex would be lost
        "换成白色比基尼",  # the thing
        "换成赛车服",
        "keep everything but the kimono",
        "remove everything but the girl",
        "holding nothing",
        "change his jacket for a hoodie",
    ],
)
def test_a_wish_that_would_be_done_by_half_is_not_understood(message: str) -> None:
    assert after("1boy, black jacket, red kimono", message).startswith("[")


def test_a_wish_about_more_phrases_than_a_person_writes_is_not_understood() -> None:
    assert after("a red hat, " * 101 + "park", "make the hat blue").startswith("[")
    assert after("a red hat, " * 3 + "park", "make the hat blue") == "a blue hat, " * 3 + "park"


@pytest.mark.parametrize(
    ("prompt", "message", "expected"),
    [
        ("1girl, cloak, armor, holding a bow", "remove the bow, the cloak and the armor", "1girl"),
        ("1girl, hat, glasses, scarf", "remove hat, glasses and scarf", "1girl"),
        ("1girl, hat, glasses, scarf", "去掉帽子、眼镜和围巾", "1girl"),
        ("1girl, hat, white dress", "no hat, red dress", "1girl, red dress"),
        ("1girl, flowers, garden", "remove the flowers, the garden is fine", "1girl, garden"),
    ],
)
def test_all_that_a_list_takes_away_goes_and_what_follows_comes(prompt: str, message: str, expected: str) -> None:
    spell = Spell(prompt)
    after_it = apply(spell, read_turn(spell, message, Scene(SD15)).edits)
    assert after_it.prompt == expected
    assert "fine" not in after_it.negative_prompt
