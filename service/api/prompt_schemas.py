"""What goes into the prompt language's routes, and what comes out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from prompts.language import Conversion, Finding
from prompts.language.dialects import SOURCES, TARGETS
from prompts.limits import PROMPT_CHARACTERS
from prompts.spell import Spell
from service.api.schemas import Body
from service.errors import RequestInvalid
from service.spell_json import LoraModel, SpellModel

PICTURES = 64
"""Most pictures of one dry run: each may take a while to draw the choices of."""
_LIMIT_DOC = f"Up to {PROMPT_CHARACTERS} characters."
# The length also makes pydantic refuse half a surrogate pair, which no answer could repeat.
_Name = Annotated[str, Field(max_length=256)]
_Lines = Annotated[list[str], Field(max_length=10_000)]


class PromptIn(Body):
    """Words alone (`prompt`, `negative_prompt`), or a whole spell (`spell`)."""

    prompt: str | None = Field(default=None, description=_LIMIT_DOC, examples=["a (red [cat:dog:0.5]:1.2) <lora:ink>"])
    negative_prompt: str = Field(default="", description=_LIMIT_DOC, examples=["blurry, (watermark:1.3)"])
    spell: SpellModel | None = None

    def to_spell(self) -> Spell:
        """The spell that is meant.

        Raises:
            RequestInvalid: Both kinds, or neither.
        """
        if self.spell is not None and self.prompt is None and not self.negative_prompt:
            return self.spell.to_domain()
        if self.spell is None and self.prompt is not None:
            return Spell(self.prompt, self.negative_prompt)
        raise RequestInvalid("Send either prompt (and negative_prompt) or spell, one of them.", field="prompt")


class ParseIn(Body):
    """One prompt."""

    prompt: str = Field(description=_LIMIT_DOC, examples=["a (red [cat:dog:0.5]:1.2) <lora:ink:0.8>"])


class ParseView(BaseModel):
    """A prompt's syntax tree. Positions count characters (code points) from 0; `end` is behind the last one."""

    tree: list[dict[str, Any]] = Field(
        examples=[[{"kind": "words", "start": 0, "end": 2, "text": "a "}]],
        description="`kind` is words, weighted, scheduled, alternating, network, comment, break or and.",
    )
    text: str
    """The prompt without its LoRA tags."""
    loras: list[LoraModel]
    """What the tags asked for, in order."""


class LintIn(PromptIn):
    """What to check, and for which checkpoint."""

    checkpoint: str | None = Field(default=None, max_length=256, description="Unset: the spell's, or the default one.")
    fix: bool = Field(default=False, description="Answer with `fixed` too.")


class FindingView(BaseModel):
    """One finding; `fix` goes in place of the characters `start` to `end`."""

    code: str
    level: str
    field: str
    start: int
    end: int
    message: str
    fix: str | None

    @classmethod
    def of(cls, finding: Finding) -> FindingView:
        """The view of a finding."""
        return cls(**{name: getattr(finding, name) for name in cls.model_fields})


class LintView(BaseModel):
    """Everything worth saying before it is drawn."""

    findings: list[FindingView]
    checkpoint: str | None
    """Whose style and tokenizer counted; `null`: it is not here, SD1.5's did."""
    family: str
    fixed: SpellModel | None
    """With every fix applied; `null` when not asked for."""


class ExplainIn(PromptIn):
    """What to explain."""

    steps: int | None = Field(default=None, ge=1, le=150, description="Unset: the spell's, or 20.", examples=[20])
    checkpoint: str | None = Field(default=None, max_length=256, description="Whose tokenizer counts.")


class WeightView(BaseModel):
    """Words and the attention weight on them; `null`: beyond any number."""

    text: str
    weight: float | None


class WordView(WeightView):
    """A word in its chunk."""

    tokens: int
    is_cut: bool
    """Its last token falls into the next chunk."""


class ChunkView(BaseModel):
    """75 tokens that the text encoder reads together."""

    tokens: int
    room: int
    words: list[WordView]


class TextView(BaseModel):
    """One text that is in force at some step."""

    text: str
    weights: list[WeightView]
    tokens: int | None
    """`null` without a tokenizer; so are `room` and `chunks`."""
    room: int | None
    chunks: list[ChunkView] | None


class StretchView(BaseModel):
    """Steps `first_step` to `last_step` (from 1, both included) draw `texts[text]`."""

    first_step: int
    last_step: int
    text: int


class PartView(BaseModel):
    """One prompt of an AND composition."""

    weight: float | None
    stretches: list[StretchView]


class PassView(BaseModel):
    """The first pass, or the hires pass."""

    name: str
    steps: int
    width: int | None
    height: int | None
    prompt: list[PartView]
    negative_prompt: list[StretchView]


class ExplainView(BaseModel):
    """What a spell means, step by step."""

    passes: list[PassView]
    texts: list[TextView]
    loras: list[LoraModel]
    checkpoint: str | None
    """Whose tokenizer counted; `null`: CLIP's own."""
    note: str
    """Why something is left out; mostly empty."""


class ConvertIn(Body):
    """One prompt and the two dialects."""

    prompt: str = Field(description=_LIMIT_DOC, examples=["a ((cat:1.5)), [dog]"])
    source: str = Field(max_length=40, description=f"{', '.join(SOURCES)}.", examples=["a1111"])
    target: str = Field(max_length=40, description=f"{', '.join(TARGETS)}.", examples=["comfyui"])
    normalise: bool = Field(default=False, description="First put plain signs for full-width brackets, colons, commas.")


class LossView(BaseModel):
    """Something that the target dialect cannot say."""

    code: str
    text: str
    message: str


class ConvertView(BaseModel):
    """A translated prompt."""

    text: str
    losses: list[LossView]
    """Empty when it means the same."""

    @classmethod
    def of(cls, conversion: Conversion) -> ConvertView:
        """The view of a conversion."""
        losses = [LossView(code=loss.code, text=loss.text, message=loss.message) for loss in conversion.losses]
        return cls(text=conversion.text, losses=losses)


class StyleModel(Body):
    """A style sent along."""

    name: str = Field(min_length=1, max_length=256)
    prompt: str = ""
    negative_prompt: str = ""


class ExpandIn(PromptIn):
    """Templates, and what they may draw from."""

    styles: list[_Name] = Field(default=[], max_length=32, description="Names of styles to apply, in this order.")
    known_styles: list[StyleModel] = Field(
        default=[], max_length=1_000, description="Beside those of `styles.csv` in the data folder; these win."
    )
    wildcards: dict[_Name, _Lines] = Field(
        default={},
        max_length=1_000,
        description="Lines by name, beside the files in `wildcards` of the data folder; these win.",
        examples=[{"animal": ["cat", "dog"]}],
    )
    pictures: int | None = Field(
        default=None,
        ge=1,
        le=PICTURES,
        description="Draw so many by seed, as pictures would; unset lists every combination (at most 256).",
    )


class ExpandedView(BaseModel):
    """One picture that would be drawn."""

    prompt: str
    negative_prompt: str
    loras: list[LoraModel]
    seed: int | None
    width: int | None
    height: int | None


class ExpandView(BaseModel):
    """A dry run."""

    combinations: int | None
    """How many prompts the templates stand for; `null`: more than a quadrillion."""
    pictures: list[ExpandedView]
    missing_loras: list[str]
