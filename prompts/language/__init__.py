"""The prompt language of Stable Diffusion: read it, explain it, check it, write it back. Standard library only."""

from prompts.language.chunks import CHUNK_TOKENS, Chunk, chunk
from prompts.language.comments import strip_comments
from prompts.language.composition import split_and
from prompts.language.finding import Finding
from prompts.language.linting import lint, mend
from prompts.language.networks import lift_loras, lora_tag, strip_networks, write_loras
from prompts.language.scheduling import schedule
from prompts.language.weights import attention

__all__ = [
    "CHUNK_TOKENS",
    "Chunk",
    "Finding",
    "attention",
    "chunk",
    "lift_loras",
    "lint",
    "lora_tag",
    "mend",
    "schedule",
    "split_and",
    "strip_comments",
    "strip_networks",
    "write_loras",
]
