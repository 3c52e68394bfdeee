"""What a spell is and how to get a good one. Importing this package loads no third-party code."""

from prompts.errors import SpellwrightError
from prompts.spell import HiresFix, Lora, Params, Spell

__all__ = ["HiresFix", "Lora", "Params", "Spell", "SpellwrightError"]
