from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts import Lora
from prompts.language import lift_loras, strip_networks, write_loras


@pytest.mark.parametrize(
    ("tag", "lora"),
    [
        ("<lora:x>", Lora("x")),
        ("<lora:x:0.66>", Lora("x", 0.66)),
        ("<lora:x:0.5:0.8>", Lora("x", 0.5, 0.8)),
        ("<lora:x:te=0.5:unet=0.8>", Lora("x", 0.5, 0.8)),
        ("<lora:x:1:unet=0.8>", Lora("x", 1.0, 0.8)),
        ("<lora:x:te=0.4>", Lora("x", 0.4)),
        ("<lyco:x:-1>", Lora("x", -1.0)),
        ("<lora:a b (c):2>", Lora("a b (c)", 2.0)),
    ],
)
def test_every_way_to_ask_for_a_lora_is_read(tag: str, lora: Lora) -> None:
    assert lift_loras(f"a cat{tag}, b") == ("a cat, b", (lora,))


@pytest.mark.parametrize(
    "text", ["<lora:x:abc>", "<lora:x:inf>", "<lora::1>", "<hypernet:y:1>", "<lora:>", "<a>", "<lora:x"]
)
def test_what_asks_for_nothing_usable_stays_in_the_text(text: str) -> None:
    assert lift_loras(text) == (text, ())


def test_the_text_around_a_tag_stays_as_a1111_encodes_it() -> None:
    assert lift_loras("a, <lora:x:1>, b")[0] == "a, , b"


def test_every_tag_is_stripped_for_the_encoder() -> None:
    assert strip_networks("a <hypernet:y:1><foo:1> b <lora:x:z>") == "a  b "


names = st.text(st.characters(blacklist_characters=":>=", blacklist_categories=("Cs",)), min_size=1)
weights = st.floats(-4, 4, allow_nan=False)
loras = st.builds(Lora, names, weights, st.none() | weights)


@given(st.text(st.characters(blacklist_characters="<")), st.lists(loras, max_size=4))
def test_lifting_undoes_writing(prompt: str, wanted: list[Lora]) -> None:
    assert lift_loras(write_loras(prompt, tuple(wanted))) == (prompt, tuple(wanted))
