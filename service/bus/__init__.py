"""How the parts of one process tell each other that a job has moved."""
