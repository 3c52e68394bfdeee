"""Which language an idea is written in, by script, by everyday words and by the glossary. No model."""

from __future__ import annotations

import re

from prompts.expansion.offline.glossary import Language, fold_foreign, words_of

__all__ = ["Language", "detect"]

_KANA = re.compile(r"[\u3041-\u30ff\uff66-\uff9f]")
_HANGUL = re.compile(r"[\u1100-\u11ff\uac00-\ud7af]")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_WORD = re.compile(r"[a-zà-öø-ÿœß]+")

_EVERYDAY: tuple[tuple[Language, str], ...] = (
    (
        "es",
        "un una unos unas el los las con sin en de del la y al por para bajo sobre junto noche lluvia que mientras "
        "su estilo hombre mujer niña niño chica gato perro montaña ciudad casa playa mar quita añade cambia más menos",
    ),
    (
        "fr",
        "un une des le les du de la avec sans dans sur sous et au aux à près nuit pluie qui pendant entre son sa en "
        "style homme femme fille garçon chat chien montagne ville maison plage mer enlève ajoute remplace plus moins",
    ),
    (
        "de",
        "ein eine einen einem einer eines der die das den dem mit ohne im in auf unter und am vor bei nacht regen "
        "während stil mann frau mädchen junge katze hund berg stadt haus strand meer entferne ersetze mehr weniger",
    ),
    (
        "en",
        "a an the with without in on of and at under over by near night rain who while between her his style man "
        "woman girl boy cat dog mountain city house beach sea make more less no add remove change",
    ),
)
_TELLING = re.compile(r"[ñ¿¡]"), re.compile(r"[œçêîûàèù]"), re.compile(r"[ßäöü]")


def detect(text: str) -> Language:
    """The language of `text`; English when nothing tells otherwise.

    Kana makes Japanese, Hangul Korean, Chinese characters without kana Chinese. Latin script is
    decided by everyday words, telling letters and the picture words of the glossary; a tie is English,
    because untranslated prompt words are nearly always English.
    """
    if _KANA.search(text):
        return "ja"
    if _HANGUL.search(text):
        return "ko"
    if _HAN.search(text):
        return "zh"
    words = _WORD.findall(text.casefold())[:200]
    scores = {
        language: sum(2 * (word in everyday.split()) + _is_picture_word(word, language) for word in words)
        for language, everyday in _EVERYDAY
    }
    for (language, _), letters in zip(_EVERYDAY, _TELLING, strict=False):
        scores[language] += 2 * len(letters.findall(text.casefold()))
    best = max(scores, key=lambda language: (scores[language], language == "en"))
    return best if scores[best] else "en"


def _is_picture_word(word: str, language: Language) -> bool:
    table, folded = words_of(language), fold_foreign(word)
    return folded in table or folded.removesuffix("s") in table
