"""The native HTTP door: thin routes over the use cases, one error shape, server-sent events."""
