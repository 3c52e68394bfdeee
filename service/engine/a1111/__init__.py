"""A remote A1111-compatible server as the engine."""
