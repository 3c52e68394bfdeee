"""Hands in a finished picture: find them, say how likely they are right, and have them painted again."""

from generator.hands.hand import Box, Hand, HandDetector

__all__ = ["Box", "Hand", "HandDetector"]
