"""The ``llmguide`` command."""
