"""Expansion and chat edits without a language model: deterministic, from tables, honest about its limits."""
