"""Spell to picture. Importing this package loads no torch: see `generator.engine` for the heavy part."""
