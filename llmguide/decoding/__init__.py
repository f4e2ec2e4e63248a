"""From logits to text: choosing tokens, writing on from a prompt, and showing it while it is written."""

from llmguide.decoding.generation import generate, stream
from llmguide.decoding.sampling import GREEDY, Sampling, choose
from llmguide.decoding.streaming import Detokenizer
from llmguide.decoding.transduction import transduce

__all__ = ["GREEDY", "Detokenizer", "Sampling", "choose", "generate", "stream", "transduce"]
