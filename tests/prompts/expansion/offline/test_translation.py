"""Other languages -> English prompt text, syntax untouched."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.expansion.language import detect
from prompts.expansion.offline.translation import translate
from prompts.language import lift_loras


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("一个女孩在雨中的东京街头，夜景，霓虹灯", "a girl on a Tokyo street in the rain, night scene, neon lights"),
        ("戴着红帽子的女孩", "a girl wearing a red hat"),
        ("女孩戴着红帽子", "a girl wearing a red hat"),
        ("一只坐在窗台上的橘猫", "an orange cat sitting on a windowsill"),
        ("桌子上的猫", "a cat on a table"),
        ("蓝色背景上的红心", "a red heart on a blue background"),
        ("两只猫和一只狗", "two cats and a dog"),
        ("国王的王冠", "a king's crown"),
        ("巴黎街头的老人", "an old man on a Paris street"),
        ("樱花飘落的学校", "a school with cherry blossoms falling"),
        ("精灵公主", "an elf princess"),
        ("水墨画，小船", "a boat, ink wash painting"),
        ("（红色帽子：1.3）", "(a red hat:1.3)"),
        ("[猫:狗:0.5]", "[a cat:a dog:0.5]"),
        ("[猫|狗]", "[a cat|a dog]"),
        ("女孩 BREAK 雨", "a girl BREAK in the rain"),
        ("女孩 AND 狗", "a girl AND a dog"),
        ("((红帽子)), 雨", "((a red hat)), in the rain"),
        ("女孩 <lora:x:0.7>", "a girl <lora:x:0.7>"),
        ("cyberpunk女孩", "a cyberpunk girl"),
        ("赤い帽子をかぶった女の子", "a girl wearing a red hat"),
        ("机の上の猫", "a cat on a table"),
        ("빗속에서 우산을 든 소녀", "a girl holding an umbrella in the rain"),
        ("una chica con sombrero rojo", "a girl with a red hat"),
        ("un gato negro en el tejado", "a black cat on a rooftop"),
        ("deux chats noirs", "two black cats"),
        ("ein Mädchen mit rotem Hut im Regen", "a girl with a red hat in the rain"),
        ("ロボットが海辺を歩く", "a robot walking on the beach"),
        ("耳が長いウサギ", "a rabbit with long ears"),
        ("侍が夕日の海辺に立っている", "a samurai standing on the beach at sunset"),
        ("le petit chat boit du lait", "the small cat drinking milk"),
        ("le chat gribouille du lait", "the cat, milk"),
        ("une fille mange une pomme", "a girl eating an apple"),
        ("una niña lee un libro", "a girl reading a book"),
    ],
)
def test_a_phrase_says_the_same_in_english(text: str, english: str) -> None:
    assert translate(text, detect(text)).text == english


def test_english_only_gets_the_punctuation_that_the_prompt_language_reads() -> None:
    assert translate("（a cat：1.2），rain", "en").text == "(a cat:1.2),rain"


SYNTAX = st.lists(
    st.sampled_from(
        ["（红帽子：1.3）", "[猫:狗:0.5]", "女孩", "BREAK", "<lora:名字:0.66>", "((雨))", "[猫|狗]", "夜景", "饕餮"]
    ),
    min_size=1,
    max_size=6,
)


@given(SYNTAX)
def test_weights_schedules_break_and_tags_survive_translation(pieces: list[str]) -> None:
    text = " ， ".join(pieces)
    english = translate(text, "zh").text
    assert len(re.findall(r"\bBREAK\b", english)) == pieces.count("BREAK")
    assert english.count(":1.3)") == pieces.count("（红帽子：1.3）")
    assert english.count(":0.5]") == pieces.count("[猫:狗:0.5]")
    assert len(lift_loras(english)[1]) == pieces.count("<lora:名字:0.66>")
    for opener, closer in ("()", "[]"):
        assert english.count(opener) == english.count(closer)


@given(st.text(alphabet="女孩在的雨中红帽子一个，(:1.2)[]|BREAKのをにが을를 abé", max_size=60))
def test_any_text_translates_without_error_and_brackets_stay(text: str) -> None:
    for language in ("zh", "ja", "ko", "es", "fr", "de"):
        english = translate(text, language).text
        assert english.count("[") == text.count("[") and english.count("(") == text.count("(")


@pytest.mark.parametrize("piece", ["女孩", "的", "在", "，", "（", "赤い", "を", "소녀", "饕", "del gato "])
def test_translation_takes_linear_time(piece: str) -> None:
    began = time.perf_counter()
    translate((piece * 4000)[:4000], "zh" if piece != "del gato " else "es")
    assert time.perf_counter() - began < 2.0
