"""How pictures are marked as made by a machine."""
