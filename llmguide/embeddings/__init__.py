"""Vectors for words and sentences: near each other where the meanings are."""

from llmguide.embeddings.sentences import embed, mean_pool

__all__ = ["embed", "mean_pool"]
