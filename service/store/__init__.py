"""Where jobs, spells and records of pictures live: protocols in `base`, SQL beside it."""
