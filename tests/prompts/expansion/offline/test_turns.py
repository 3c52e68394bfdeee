"""Chat turns by rule, in English and Chinese."""

from __future__ import annotations

import time
from typing import Any

import pytest

from prompts.expansion.applying import apply
from prompts.expansion.catalogue import LoraCard
from prompts.expansion.diff import diff
from prompts.expansion.edits import LockSpan, UnlockSpan
from prompts.expansion.families import SD15
from prompts.expansion.offline.scene import Scene
from prompts.expansion.offline.turns import Turn, read_turn
from prompts.spell import HiresFix, Lora, Spell

DRAFT = Spell(
    prompt="a girl wearing a red hat on a Tokyo street in the rain at sunset, (neon lights:1.2), full plate armour, "
    "photograph, soft light",
    negative_prompt="blurry, text",
    loras=(Lora("inkStyle", 0.8),),
).evolve(steps=20, cfg_scale=7.0, width=512, height=512, sampler="DPM++ SDE")
GIRL = "a girl wearing a red hat on a Tokyo street in the rain at sunset"


def turn(message: str, spell: Spell = DRAFT, **scene: Any) -> tuple[Turn, Spell]:
    versions = scene.pop("versions", ())
    made = read_turn(spell, message, Scene(SD15, **scene), versions)
    base = spell if made.base_version is None else versions[made.base_version]
    return made, apply(base, made.edits, scene.get("locked", ()))


def lines(message: str, spell: Spell = DRAFT, **scene: Any) -> list[str]:
    made, after = turn(message, spell, **scene)
    assert made.understood, made.reply
    return [line.replace(GIRL, "GIRL") for line in diff(spell, after).lines()]


NIGHT = ["- GIRL", "+ a girl wearing a red hat on a Tokyo street in the rain", "+ at night"]
NO_HAT = ["- GIRL", "+ a girl on a Tokyo street in the rain at sunset", "+ negative: hat"]
SNOW = ["- GIRL", "+ a girl wearing a red hat on a Tokyo street at sunset", "+ in the snow"]
BLUE_HAT = ["- GIRL", "+ a girl wearing a blue hat on a Tokyo street in the rain at sunset"]
HIRES = ["~ hires off -> x2 Latent (bicubic antialiased) at 0.5"]
WATERCOLOR = ["- photograph", "+ watercolor painting"]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("make it night", NIGHT),
        ("Make it night, please.", NIGHT),
        ("could you make it at night?", NIGHT),
        ("turn it into night", NIGHT),
        ("change the time to night", NIGHT),
        ("at night", NIGHT),
        ("replace sunset with night", NIGHT),
        ("change sunset to night", NIGHT),
        ("换成夜晚", NIGHT),
        ("改成晚上吧", NIGHT),
        ("把画面改成夜晚", NIGHT),
        ("请把时间换成深夜", NIGHT),
        ("夜晚", NIGHT),
        ("make it snow", SNOW),
        ("replace the rain with snow", SNOW),
        ("snow instead of rain", SNOW),
        ("把雨换成雪", SNOW),
        ("天气改成下雪", SNOW),
        ("no hat", NO_HAT),
        ("remove the hat", NO_HAT),
        ("without the hat please", NO_HAT),
        ("but without a hat", NO_HAT),
        ("get rid of the hat", NO_HAT),
        ("take the hat off", NO_HAT),
        ("I don't want the hat", NO_HAT),
        ("不要帽子", NO_HAT),
        ("又不要帽子", NO_HAT),
        ("去掉帽子", NO_HAT),
        ("把帽子去掉", NO_HAT),
        ("没有帽子", NO_HAT),
        ("别画帽子", NO_HAT),
        ("less armour", ["~ full plate armour 1 -> 0.8"]),
        ("less armor", ["~ full plate armour 1 -> 0.8"]),
        ("too much armour", ["~ full plate armour 1 -> 0.8"]),
        ("盔甲少一点", ["~ full plate armour 1 -> 0.8"]),
        ("更少的盔甲", ["~ full plate armour 1 -> 0.8"]),
        ("more neon lights", ["~ neon lights 1.2 -> 1.44"]),
        ("更多霓虹灯", ["~ neon lights 1.2 -> 1.44"]),
        ("霓虹灯多一点", ["~ neon lights 1.2 -> 1.44"]),
        ("more fog", ["+ fog"]),
        ("fewer people", ["+ negative: people"]),
        ("add a black cat", ["+ a black cat"]),
        ("add a cat, a dog", ["+ a cat", "+ a dog"]),
        ("and with fireworks", ["+ fireworks"]),
        ("give her an umbrella", ["+ an umbrella"]),
        ("add a scarf", ["+ wearing a scarf"]),
        ("加上一把红色的伞", ["+ a red umbrella"]),
        ("加一只黑猫", ["+ a black cat"]),
        ("再加上烟花", ["+ fireworks"]),
        ("戴上眼镜", ["+ wearing glasses"]),
        ("make the hat blue", BLUE_HAT),
        ("change the hat to blue", BLUE_HAT),
        ("把帽子改成蓝色", BLUE_HAT),
        ("把帽子换成蓝色的", BLUE_HAT),
        (
            "replace the hat with a crown",
            ["- GIRL", "+ a girl wearing a red crown on a Tokyo street in the rain at sunset"],
        ),
        ("in watercolour", WATERCOLOR),
        ("in watercolor style", WATERCOLOR),
        ("make it a watercolor", WATERCOLOR),
        ("改成水彩风格", WATERCOLOR),
        ("换成水彩画", WATERCOLOR),
        ("as an oil painting", ["- photograph", "+ oil painting"]),
        ("油画风格", ["- photograph", "+ oil painting"]),
        ("make it brighter", ["+ bright light"]),
        ("亮一点", ["+ bright light"]),
        ("too dark", ["+ bright light"]),
        ("make it more dramatic", ["- soft light", "+ dramatic lighting"]),
        ("zoom out", ["+ wide shot"]),
        ("close-up", ["+ close-up"]),
        ("30 steps", ["~ steps 20 -> 30"]),
        ("set steps to 30", ["~ steps 20 -> 30"]),
        ("步数改成30", ["~ steps 20 -> 30"]),
        ("30步", ["~ steps 20 -> 30"]),
        ("cfg 5.5", ["~ cfg_scale 7 -> 5.5"]),
        ("CFG 改成 5", ["~ cfg_scale 7 -> 5"]),
        ("30 steps and cfg 5", ["~ steps 20 -> 30", "~ cfg_scale 7 -> 5"]),
        ("size 768x512", ["~ width 512 -> 768"]),
        ("尺寸改成 512x768", ["~ height 512 -> 768"]),
        ("1000 x 600", ["~ width 512 -> 1000", "~ height 512 -> 600"]),
        ("use seed 1234", ["~ seed default -> 1234"]),
        ("种子 1234", ["~ seed default -> 1234"]),
        ("use sampler Euler a", ["~ sampler DPM++ SDE -> Euler a"]),
        ("采样器换成 Euler a", ["~ sampler DPM++ SDE -> Euler a"]),
        ("sampler DPM++ 2M Karras", ["~ sampler DPM++ SDE -> DPM++ 2M", "~ schedule_type default -> Karras"]),
        ("clip skip 2", ["~ clip_skip default -> 2"]),
        ("higher resolution", HIRES),
        ("make it bigger", HIRES),
        ("分辨率更高", HIRES),
        ("高清一点", HIRES),
        ("portrait format", ["~ height 512 -> 768"]),
        ("横屏", ["~ width 512 -> 768"]),
        ("use lora Foo_Bar at 0.7", ["+ LoRA Foo_Bar at 0.7"]),
        ("set lora inkStyle to 0.5", ["~ LoRA inkStyle 0.8 -> 0.5"]),
        ("remove lora inkStyle", ["- LoRA inkStyle at 0.8"]),
        ("用 lora Foo_Bar 权重 0.7", ["+ LoRA Foo_Bar at 0.7"]),
        ("不用 lora inkStyle", ["- LoRA inkStyle at 0.8"]),
        ("remove the hat and make it night", None),
        ("不要帽子，换成夜晚", None),
        ("no text", []),
        ("add text", ["- negative: text", "+ text"]),
    ],
)
def test_a_message_makes_just_the_change_it_asks_for(message: str, expected: list[str] | None) -> None:
    if expected is None:
        expected = ["- GIRL", "+ a girl on a Tokyo street in the rain", "+ at night", "+ negative: hat"]
    assert sorted(lines(message)) == sorted(expected)


CAT = ["+ a black cat"]
LESS_NEON = ["~ neon lights 1.2 -> 0.96"]
STEPS = ["~ steps 20 -> 30"]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("hazlo de noche", NIGHT),
        ("quita el sombrero", NO_HAT),
        ("añade un gato negro", CAT),
        ("cambia la lluvia por nieve", SNOW),
        ("menos luces de neón", LESS_NEON),
        ("estilo acuarela", WATERCOLOR),
        ("30 pasos", STEPS),
        ("más resolución", HIRES),
        ("de nuit", NIGHT),
        ("enlève le chapeau", NO_HAT),
        ("ajoute un chat noir", CAT),
        ("remplace la pluie par la neige", SNOW),
        ("moins de néons", LESS_NEON),
        ("mets-le en aquarelle", WATERCOLOR),
        ("mach es Nacht", NIGHT),
        ("ohne Hut", NO_HAT),
        ("füge eine schwarze Katze hinzu", CAT),
        ("ersetze den Regen durch Schnee", SNOW),
        ("weniger Neonlichter", LESS_NEON),
        ("als Aquarell", WATERCOLOR),
        ("höhere Auflösung", HIRES),
        ("夜にしてください", NIGHT),
        ("帽子を消して", NO_HAT),
        ("黒猫を追加して", CAT),
        ("雨を雪に変えて", SNOW),
        ("ネオンを減らして", LESS_NEON),
        ("水彩画風にして", WATERCOLOR),
        ("ステップを30にして", STEPS),
        ("밤으로 바꿔 줘", NIGHT),
        ("모자를 빼 줘", NO_HAT),
        ("검은 고양이를 추가해 줘", CAT),
        ("비를 눈으로 바꿔 줘", SNOW),
        ("네온을 줄여 줘", LESS_NEON),
        ("수채화 스타일로 해줘", WATERCOLOR),
        ("30스텝으로 해줘", STEPS),
    ],
)
def test_the_common_wishes_are_read_in_five_more_languages(message: str, expected: list[str]) -> None:
    assert sorted(lines(message)) == sorted(expected)


@pytest.mark.parametrize("message", ["nimm die zweite Version", "usa la segunda versión", "prends la deuxième version"])
def test_versions_are_named_in_other_languages_too(message: str) -> None:
    assert turn(message, versions=(DRAFT, Spell(prompt="a boat")))[0].base_version == 1


@pytest.mark.parametrize(
    "message",
    [
        "asdf qwerty",
        "quantize the flux capacitor",
        "use sampler Banana",
        "what is the meaning of life",
        "remove lora nope",
        "把饕餮换成貔貅",
        "呜哩哇啦",
        "keep the elephant",
        "use the ninth one",
        "9999 steps",
        "???",
    ],
)
def test_what_no_rule_fits_is_said_and_changes_nothing(message: str) -> None:
    made, after = turn(message)
    assert not made.understood and made.edits == () and after == DRAFT
    assert message[:3].casefold() in made.reply.casefold()


def test_the_reply_is_in_the_language_of_the_message() -> None:
    assert turn("换成夜晚")[0].reply == "好的，已修改。" and turn("make it night")[0].reply == "Done."
    assert "没看懂" in turn("呜哩哇啦")[0].reply


def test_a_long_phrase_is_weighed_inside_and_weighed_on_from_there() -> None:
    spell = Spell(prompt="a tall knight in shining heavy armour on a green hill")
    _, once = turn("less armour", spell)
    assert once.prompt == "a tall knight in shining heavy (armour:0.8) on a green hill"
    _, twice = turn("less armour", once)
    assert twice.prompt == "a tall knight in shining heavy (armour:0.64) on a green hill"
    _, back = turn("more armour", turn("more armour", twice)[1])
    assert "(armour:0.92)" in back.prompt


@pytest.mark.parametrize(
    ("prompt", "message", "after"),
    [
        (
            "A photograph of a cat. Soft light, fog.",
            "in watercolour",
            "A watercolor painting of a cat. Soft light, fog.",
        ),
        ("A photograph of a cat. Fog.", "make it more realistic", "A photograph of a cat. Fog."),
        ("oil painting of a cat", "as a photo", "a cat, photograph"),
        ("a night city, neon", "make it day", "a city, neon, in daylight"),
        ("an evening sky over a lake", "make it night", "a sky over a lake, at night"),
        ("a night owl cafe", "make it day", "an owl cafe, in daylight"),
        ("(a rainy street:1.2), neon", "make it sunny", "(a street:1.2), neon, in bright sunshine"),
        ("sunset beach", "make it night", "beach, at night"),
        ("a girl with a hat and an umbrella", "no hat", "a girl with an umbrella"),
        ("a girl with an umbrella and a hat", "no hat", "a girl with an umbrella"),
        ("a cat in a box", "no cat", ""),
    ],
)
def test_the_subject_survives_a_change_of_style_time_or_weather(prompt: str, message: str, after: str) -> None:
    assert turn(message, Spell(prompt=prompt))[1].prompt == after


PASTED = Spell(
    prompt="best quality, (photorealistic:1.4), 1girl, off-shoulder white shirt, black choker, "
    "(faded ash gray hair:1), looking at viewer, closeup",
    loras=(Lora("koreanDollLikeness_v10", 0.66),),
)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("smile", ["+ smile"]),
        ("让她微笑", ["+ a smile"]),
        ("fireworks", ["+ fireworks"]),
        ("she should be sitting on a sofa", ["+ sitting on a sofa"]),
        ("change the background to a beach", ["+ beach background"]),
        ("背景换成海边", ["+ beach background"]),
        ("change the shirt color to red", ["- off-shoulder white shirt", "+ off-shoulder red shirt"]),
        ("衬衫颜色改成红色", ["- off-shoulder white shirt", "+ off-shoulder red shirt"]),
        ("make the hair black", ["- (faded ash gray hair:1)", "+ (faded ash black hair:1)"]),
        ("add freckles and a hat", ["+ freckles", "+ wearing a hat"]),
        ("头发长一点", ["- (faded ash gray hair:1)", "+ (long faded ash gray hair:1)"]),
        ("不要那么写实", ["~ photorealistic 1.4 -> 1.12"]),
        ("make it less photorealistic", ["~ photorealistic 1.4 -> 1.12"]),
        ("lora 权重改成0.4", ["~ LoRA koreanDollLikeness_v10 0.66 -> 0.4"]),
        ("set the lora weight to 0.4", ["~ LoRA koreanDollLikeness_v10 0.66 -> 0.4"]),
        ("把(photorealistic:1.4)去掉", ["- (photorealistic:1.4)", "+ negative: photorealistic"]),
        ("no more chokers", ["- black choker", "+ negative: chokers"]),
        ("全身", ["- closeup", "+ full body"]),
        ("steps: 28, CFG scale: 8", ["~ steps default -> 28", "~ cfg_scale default -> 8"]),
    ],
)
def test_a_pasted_tag_prompt_is_changed_as_people_ask(message: str, expected: list[str]) -> None:
    made, after = turn(message, PASTED)
    assert made.understood, made.reply
    assert sorted(diff(PASTED, after).lines()) == sorted(expected)


SCENE = Spell(
    prompt="a girl with short black hair in a red dress on a green background, photograph", negative_prompt="blurry"
).evolve(steps=20, cfg_scale=7.0, width=512, height=512, sampler="DPM++ SDE", seed=7)
SUBJECT = "a girl with short black hair in a red dress on a green background"
KARRAS = ["~ sampler DPM++ SDE -> DPM++ 2M", "~ schedule_type default -> Karras"]
UPRIGHT, LYING = ["~ height 512 -> 768"], ["~ width 512 -> 768"]
RANDOM = ["~ seed 7 -> default"]


def became(before: str, after: str) -> list[str]:
    return [f"- {SUBJECT}", f"+ {SUBJECT.replace(before, after)}"]


def became2(before: str, after: str, old: str, new: str) -> list[str]:
    return [f"- {SUBJECT}", f"+ {SUBJECT.replace(before, after).replace(old, new)}"]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("use DPM++ 2M Karras", KARRAS),
        ("dpmpp 2m karras", KARRAS),
        ("DPM++ SDE Karras please", ["~ schedule_type default -> Karras"]),
        ("switch to Euler a", ["~ sampler DPM++ SDE -> Euler a"]),
        ("euler ancestral", ["~ sampler DPM++ SDE -> Euler a"]),
        ("用 DPM++ SDE Karras", ["~ schedule_type default -> Karras"]),
        ("换成 Euler a 采样器", ["~ sampler DPM++ SDE -> Euler a"]),
        ("512x768", UPRIGHT),
        ("512x768 portrait", UPRIGHT),
        ("make it 768 by 512", LYING),
        ("竖图", UPRIGHT),
        ("横图", LYING),
        ("portrait format", UPRIGHT),
        ("16:9", ["~ width 512 -> 840", "~ height 512 -> 472"]),
        ("换成蓝色背景, 10 steps", [*became("green background", "blue background"), "~ steps 20 -> 10"]),
        ("换成夜晚 30步", ["+ at night", "~ steps 20 -> 30"]),
        ("换成夜晚 512x768", ["+ at night", *UPRIGHT]),
        ("make it night, 30 steps, 512x768", ["+ at night", "~ steps 20 -> 30", *UPRIGHT]),
        ("make it night with 30 steps", ["+ at night", "~ steps 20 -> 30"]),
        ("use Euler a, cfg 5", ["~ sampler DPM++ SDE -> Euler a", "~ cfg_scale 7 -> 5"]),
        ("不要裙子，步数30，用 Euler a", None),
        ("more steps", ["~ steps 20 -> 30"]),
        ("add 10 more steps", ["~ steps 20 -> 30"]),
        ("lower cfg", ["~ cfg_scale 7 -> 5.5"]),
        ("换成蓝色背景", became("green background", "blue background")),
        ("make the background blue", became("green background", "blue background")),
        ("change the background to a beach", became("green background", "beach background")),
        ("make her hair silver", became("black hair", "silver hair")),
        ("give her silver hair", became("black hair", "silver hair")),
        ("头发换成银色", became("black hair", "silver hair")),
        ("她的头发是银色的", became("black hair", "silver hair")),
        ("make her hair longer", became("short", "long")),
        ("her dress should be black", became("red dress", "black dress")),
        ("把裙子改成黑色", became("red dress", "black dress")),
        ("no red", became("red dress", "dress")),
        ("add blue eyes", ["+ blue eyes"]),
        ("make the hat blue", ["+ wearing a blue hat"]),
        ("try again", RANDOM),
        ("再试一次", RANDOM),
        ("重新生成", RANDOM),
        ("short hair", []),
        ("make her dress blue and her hair blonde", became2("red dress", "blue dress", "black hair", "blonde hair")),
        ("change her hair to blonde, dress to white", became2("red dress", "white dress", "black hair", "blonde hair")),
        ("步数 50 步", ["~ steps 20 -> 50"]),
        ("种子换成 123", ["~ seed 7 -> 123"]),
        ("种子随机", RANDOM),
        ("40 steps with DDIM", ["~ steps 20 -> 40", "~ sampler DPM++ SDE -> DDIM"]),
        ("set the width to 768", LYING),
        ("高度改成768", UPRIGHT),
        (
            "Steps: 30, Sampler: DPM++ 2M Karras, CFG scale: 6, Seed: 42, Size: 512x768",
            ["~ steps 20 -> 30", *KARRAS, "~ cfg_scale 7 -> 6", "~ seed 7 -> 42", *UPRIGHT],
        ),
        ("zoom out a bit", ["+ wide shot"]),
        ("close up on her face", ["+ close-up"]),
        ("拉近镜头", ["+ close-up"]),
        ("近一点", ["+ close-up"]),
        ("看向镜头", ["+ looking at viewer"]),
        ("looking at the camera", ["+ looking at viewer"]),
        ("from behind", ["+ from behind"]),
        ("I want a castle in the background", ["+ a castle in the background"]),
        ("背景加一座城堡", ["+ a castle in the background"]),
        ("she is holding a cup of coffee", ["+ holding a cup of coffee"]),
        ("put her on a beach", ["+ on a beach"]),
        ("make her wear glasses", ["+ wearing glasses"]),
        ("can you remove that hat", ["+ negative: hat"]),
        ("take off the dress", [*became(" in a red dress", ""), "+ negative: dress"]),
        ("change the girl to a boy", became("a girl", "a boy")),
        ("把女孩换成男孩", became("a girl", "a boy")),
        ("make her older", became("a girl", "an old girl")),
        ("年轻一点", became("a girl", "a young girl")),
        ("make the dress longer", became("red dress", "long red dress")),
        ("给她换一条蓝色的裙子", became("red dress", "blue dress")),
        ("red hair and blue eyes", [*became("black hair", "red hair"), "+ blue eyes"]),
        ("短发", []),
        ("长发", became("short", "long")),
        ("绿色的眼睛", ["+ green eyes"]),
        ("天空改成紫色", ["+ purple sky"]),
        ("make the sky purple", ["+ purple sky"]),
        ("让她坐在沙发上", ["+ sitting on a sofa"]),
        ("笑一笑", ["+ smile"]),
        ("下雪天", ["+ in the snow"]),
        ("颜色太鲜艳了", ["+ muted colors"]),
        ("不要那么暗", ["+ bright light"]),
        ("更亮，更暖", ["+ bright light", "+ warm light"]),
        ("改成动漫风格", ["- photograph", "+ anime illustration"]),
        ("can you make it look like anime?", ["- photograph", "+ anime illustration"]),
        ("黑白照片", ["+ black and white"]),
        ("fix the hands", ["+ negative: bad hands", "+ negative: extra fingers"]),
        ("手画得不好", ["+ negative: bad hands", "+ negative: extra fingers"]),
        ("the face is weird", ["+ negative: deformed face"]),
        ("脸有点奇怪", ["+ negative: deformed face"]),
        ("same but at night", ["+ at night"]),
        ("I like it but make it darker", ["+ dark moody lighting"]),
        ("不错，再加一只猫", ["+ a cat"]),
        ("换个种子，加一只猫", [*RANDOM, "+ a cat"]),
        ("头发换成金色，其他不变", became("black hair", "golden hair")),
        ("能不能把背景改成海边？谢谢", became("green background", "beach background")),
    ],
)
def test_numbers_names_and_colours_are_read_as_people_type_them(message: str, expected: list[str] | None) -> None:
    made, after = turn(message, SCENE)
    assert made.understood, made.reply
    if expected is None:
        expected = [
            *became(" in a red dress", ""), "+ negative: dress", "~ steps 20 -> 30", "~ sampler DPM++ SDE -> Euler a"
        ]  # fmt: skip
    assert sorted(diff(SCENE, after).lines()) == sorted(expected)


@pytest.mark.parametrize(
    "message",
    ["I don't like it", "not good", "it's ugly", "looks terrible", "too boring", "not what I wanted", "make it better",
     "不好看", "我不喜欢", "太丑了", "不是我要的", "很好看", "nice"],
)  # fmt: skip
def test_an_opinion_changes_nothing_and_is_told_what_can_be_said(message: str) -> None:
    made, after = turn(message, SCENE)
    assert not made.understood and made.edits == () and after == SCENE
    assert "try again" in made.reply or "再试一次" in made.reply


@pytest.mark.parametrize("message", ["no it", "remove this", "don't want that", "not big", "without ugly", "less them"])
def test_pronouns_and_bare_adjectives_never_become_negatives(message: str) -> None:
    assert turn(message, SCENE)[1].negative_prompt == SCENE.negative_prompt


@pytest.mark.parametrize("message", ["use Eular a", "用 DPM++ 2N Karras", "sampler DPM++ 2Q", "采样器换成 Eulr a"])
def test_a_misspelt_sampler_names_near_ones_and_changes_nothing(message: str) -> None:
    made, after = turn(message, SCENE)
    assert not made.understood and after == SCENE
    assert "Euler a" in made.reply or "DPM++ 2M" in made.reply


@pytest.mark.parametrize(
    "message",
    ["10 steps", "加10步", "add 10 steps", "换成夜晚, 10 steps, cfg 3", "夜晚，10步", "night, 640x640, seed 5"],
)
def test_a_number_never_becomes_a_phrase(message: str) -> None:
    after = turn(message, SCENE)[1]
    assert not any(word in after.prompt for word in ("10", "step", "cfg", "640", "seed", "步"))


@pytest.mark.parametrize(
    ("prompt", "message", "after"),
    [
        ("a silver-haired girl", "make her hair black", "a black-haired girl"),
        ("1girl, long hair, blue eyes", "make her hair short", "1girl, short hair, blue eyes"),
        ("1girl, dark blue eyes", "green eyes", "1girl, green eyes"),
        ("1girl, (silver hair:1.2), [red hair:blue hair:0.5]", "make her hair pink",
         "1girl, (pink hair:1.2), [red hair:blue hair:0.5]"),
        ("a cat, beach background", "make the background blue", "a cat, blue background"),
        ("a cat, beach background", "换成蓝色背景", "a cat, blue background"),
        ("a cat, simple background", "blue background", "a cat, simple blue background"),
        ("an orange cat on a table", "make the cat black", "a black cat on a table"),
    ],
)  # fmt: skip
def test_a_new_look_takes_the_place_of_the_old_one(prompt: str, message: str, after: str) -> None:
    assert turn(message, Spell(prompt=prompt))[1].prompt == after


@pytest.mark.parametrize(
    "message", ["make the hat blue", "把帽子改成蓝色", "change the hat to blue", "no hat", "9999 steps"]
)
def test_what_a_lock_or_a_limit_refuses_is_not_read_as_something_else(message: str) -> None:
    made, after = turn(message, locked=(GIRL,))
    assert not made.understood and after == DRAFT


def test_weights_stay_within_sane_limits() -> None:
    spell = Spell(prompt="a cat, fog")
    for _ in range(12):
        spell = turn("more fog", spell)[1]
    assert spell.prompt == "a cat, (fog:1.6)"


def test_higher_resolution_twice_goes_further_until_the_limit() -> None:
    spell = DRAFT.evolve(hires=HiresFix(upscale_by=2.0))
    assert lines("higher resolution", spell) == ["~ hires upscale_by 2 -> 2.5"]
    top = DRAFT.evolve(hires=HiresFix(upscale_by=4.0))
    made, after = turn("higher resolution", top)
    assert made.understood and after == top and "already" in made.reply


@pytest.mark.parametrize("message", ["keep the hat", "don't change the hat", "保留帽子", "lock the hat"])
def test_keeping_something_locks_its_phrase(message: str) -> None:
    assert turn(message)[0].edits == (LockSpan(GIRL),)


def test_a_locked_phrase_is_not_edited_and_that_is_said() -> None:
    made, after = turn("remove the hat", locked=(GIRL,))
    assert after == DRAFT and not made.understood
    assert turn("you may change the hat", locked=(GIRL,))[0].edits == (UnlockSpan(GIRL),)


def test_another_version_is_taken_up_and_changed() -> None:
    first, second = Spell(prompt="a red car, photograph"), Spell(prompt="a blue boat, photograph")
    versions = (first, second, DRAFT)
    for message in ("use the second one but in watercolour", "用第二个，但是改成水彩"):
        made, after = turn(message, versions=versions)
        assert made.base_version == 1 and after.prompt == "a blue boat, watercolor painting"
    assert turn("go back to the previous version", versions=versions)[0].base_version == 1
    assert turn("回到第一版", versions=versions)[0].base_version == 0


def test_a_catalogue_lora_is_found_by_a_loose_name_and_brings_its_trigger() -> None:
    catalogue = (LoraCard("Foo_Bar-v2", ("foobar",), 0.6),)
    made, after = turn("use lora foo bar v2", catalogue=catalogue)
    assert made.understood and after.loras[-1] == Lora("Foo_Bar-v2", 0.6) and after.prompt.endswith(", foobar")
    assert not turn("use lora other", catalogue=catalogue)[0].understood


def test_a_chinese_prompt_is_edited_where_it_stands() -> None:
    spell = Spell(prompt="一个女孩，戴着帽子，霓虹灯")
    made, after = turn("不要霓虹灯", spell)
    assert made.understood and after.prompt == "一个女孩，戴着帽子" and "neon lights" in after.negative_prompt


@pytest.mark.parametrize("size", [1_000, 2_000, 4_000])
@pytest.mark.parametrize("piece", ["a", "make it ", "不要", "remove the ", "1 x ", ", ", "把", "and add "])
def test_long_messages_are_read_in_bounded_time(piece: str, size: int) -> None:
    began = time.perf_counter()
    turn((piece * size)[:size])
    assert time.perf_counter() - began < 2.0
