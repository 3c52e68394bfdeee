"""Foreign exceptions to the engine's own errors, at the one place where they arrive."""

from __future__ import annotations

import torch

from generator.errors import GeneratorError, OutOfMemory
from prompts.errors import SpellwrightError

_ALLOCATOR = "can't allocate memory"  # how torch's CPU allocator words it


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the device or the machine ran out of memory."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and _ALLOCATOR in str(error)
    )


def as_spellwright_error(error: Exception, size: tuple[int, int]) -> SpellwrightError:
    """What to tell the user about `error`; its own errors pass unchanged.

    Args:
        error: Anything that escaped while a picture was made.
        size: The (width, height) of the picture in pixels at that time.
    """
    if isinstance(error, SpellwrightError):
        return error
    if is_out_of_memory(error):
        width, height = size
        fit = [max(side // 2 // 64 * 64, 64) for side in size]
        told: GeneratorError = OutOfMemory(
            f"There is too little memory for {width}x{height}. {fit[0]}x{fit[1]} needs about a quarter.",
            got=[width, height],
            near=fit,
        )
    else:
        told = GeneratorError(
            f"The picture could not be made: an internal error ({type(error).__name__}). Nothing else was affected."
        )
    told.__cause__ = error
    return told


def not_finite() -> GeneratorError:
    """The network's output held NaN or infinite values."""
    error = GeneratorError(
        "The network's output was not a number, so the picture would be black. "
        "Try float32 (dtype), another VAE, or a lower LoRA weight."
    )
    error.with_code("not_finite")
    return error
