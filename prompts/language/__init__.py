"""The prompt language of Stable Diffusion: read it, explain it, check it, write it back. Standard library only."""

from prompts.language.chunks import CHUNK_TOKENS, Chunk, chunk
from prompts.language.comments import strip_comments
from prompts.language.composition import split_and
from prompts.language.dialects import Conversion, convert, normalise
from prompts.language.finding import Finding
from prompts.language.linting import lint, mend, mend_spell
from prompts.language.networks import lift_loras, lora_tag, strip_networks, write_loras
from prompts.language.parsing import parse
from prompts.language.scheduling import schedule
from prompts.language.syntax import Prompt, unparse
from prompts.language.weights import attention

__all__ = [
    "CHUNK_TOKENS",
    "Chunk",
    "Conversion",
    "Finding",
    "Prompt",
    "attention",
    "chunk",
    "convert",
    "lift_loras",
    "lint",
    "lora_tag",
    "mend",
    "mend_spell",
    "normalise",
    "parse",
    "schedule",
    "split_and",
    "strip_comments",
    "strip_networks",
    "unparse",
    "write_loras",
]
