"""The list of things the family draws."""

from generator.demo.concepts import read_concepts, read_foreign_words


def test_names_and_codes_are_unique() -> None:
    concepts = read_concepts()
    names = [n for c in concepts for n in (c.name, *c.other_names)]
    assert len({c.code for c in concepts}) == len(concepts) >= 60
    assert len(set(names)) == len(names)


def test_hands_are_among_them() -> None:
    assert {"raised hand", "thumbs up", "victory hand", "ok hand", "fist"} <= {c.name for c in read_concepts()}


def test_a_limit_takes_the_most_important_ones() -> None:
    assert read_concepts(3) == read_concepts()[:3]


def test_foreign_words_name_no_concept() -> None:
    names = {n for c in read_concepts() for n in (c.name, *c.other_names)}
    assert not names & set(read_foreign_words())
