"""The prompt language of Stable Diffusion: read it, explain it, check it, write it back. Standard library only."""

from prompts.language.chunks import CHUNK_TOKENS, Chunk, chunk
from prompts.language.comments import strip_comments
from prompts.language.composition import split_and
from prompts.language.dialects import Conversion, convert, normalise
from prompts.language.expanding import Expander
from prompts.language.explaining import Explanation, encoder_text, explain
from prompts.language.finding import Finding
from prompts.language.linting import lint, mend, mend_spell
from prompts.language.networks import lift_loras, lora_tag, strip_networks, write_loras
from prompts.language.parsing import parse
from prompts.language.rehearsal import Rehearsal, Stage, rehearse
from prompts.language.scheduling import schedule
from prompts.language.styles import Style, apply_styles, read_styles, write_styles
from prompts.language.syntax import Prompt, unparse
from prompts.language.tree_json import tree_json
from prompts.language.weights import attention
from prompts.language.wildcards import load_wildcards
from prompts.language.words import Budget, budget

__all__ = [
    "CHUNK_TOKENS",
    "Budget",
    "Chunk",
    "Conversion",
    "Expander",
    "Explanation",
    "Finding",
    "Prompt",
    "Rehearsal",
    "Stage",
    "Style",
    "apply_styles",
    "attention",
    "budget",
    "chunk",
    "convert",
    "encoder_text",
    "explain",
    "lift_loras",
    "lint",
    "load_wildcards",
    "lora_tag",
    "mend",
    "mend_spell",
    "normalise",
    "parse",
    "read_styles",
    "rehearse",
    "schedule",
    "split_and",
    "strip_comments",
    "strip_networks",
    "tree_json",
    "unparse",
    "write_loras",
    "write_styles",
]
