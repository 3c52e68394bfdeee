"""The small model family that ships with the product, so that the first picture needs no download."""
