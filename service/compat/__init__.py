"""Doors for clients that already exist: the A1111 web UI's API and OpenAI's, thin skins over the same use cases."""
