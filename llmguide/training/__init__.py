"""Changing a model's weights: the loss, the schedule and the loop."""

from llmguide.training.loop import next_token_loss, train
from llmguide.training.schedules import warmup_cosine

__all__ = ["next_token_loss", "train", "warmup_cosine"]
