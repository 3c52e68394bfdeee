"""The way from the event loop to the engine."""
