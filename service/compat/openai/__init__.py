"""`/v1`, as OpenAI's own API answers it: models, images, and the chat that makes and changes spells."""
