"""Trains the demo family: `python -m generator.demo.train STAGE`, one command per stage."""
