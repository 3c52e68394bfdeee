"""Will hands be in frame?"""

from __future__ import annotations

import pytest

from prompts.hands.frame import look_for_hands

CASES = [
    ("", False, False),
    ("a mountain landscape at sunset", False, False),
    ("a red heart on a blue background", False, False),
    ("a cat on a chair", False, False),
    ("山水画，远山，小船", False, False),
    ("a girl waving at the camera", True, True),
    ("a knight holding a sword", True, True),
    ("a chef cooking pasta", True, True),
    ("一个女孩撑着伞", True, True),
    ("弹吉他的男人", True, True),
    ("a pianist playing the piano", True, True),
    ("a raised hand, icon", True, False),
    ("竖起大拇指", True, False),
    ("full body photo of a woman in a red dress", True, True),
    ("全身照，女孩", True, True),
    ("a knight", True, True),
    ("close-up portrait of an old man", False, True),
    ("特写，女孩的脸", False, True),
    ("portrait of a king", False, True),
    ("a lone figure, a man in the distance, wide shot", False, True),
    ("a woman from behind looking at the sea", False, True),
    ("背影，女孩", False, True),
    ("a boy with his hands in his pockets", False, True),
    ("a girl with hands behind her back", False, True),
    ("双手插兜的男孩", False, True),
    ("a clock tower with a minute counter", False, False),
    ("a handsome house", False, False),
]


@pytest.mark.parametrize(("prompt", "in_frame", "people"), CASES, ids=lambda v: str(v)[:30])
def test_hands_are_expected_where_people_use_or_show_them(prompt: str, in_frame: bool, people: bool) -> None:
    frame = look_for_hands(prompt)
    assert (frame.in_frame, frame.has_people) == (in_frame, people)
    assert 0 <= frame.likelihood <= 1 and all(str(reason) for reason in frame.reasons)


def test_the_deciding_word_is_named_in_the_reason() -> None:
    assert "waving" in str(look_for_hands("a girl waving").reasons[0])
    assert "撑着" in look_for_hands("女孩撑着伞").reasons[0].text("zh")
