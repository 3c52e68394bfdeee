"""Model files: find, name, hash, check, fetch and open them. `catalogue` and below it load no torch."""
