"""Does a change help? The same seeds drawn with and without it, scored, and laid side by side."""
