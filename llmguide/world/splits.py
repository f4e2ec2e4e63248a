"""Which part of the world a model may see in training.

Membership follows from a hash of what is held out, and from nothing else: it is the same in worlds of every size and
seed, so an item that was held out once can never turn up in the training text of another world.
"""

import hashlib

SPLITS = ("train", "validation", "test")
"""The names of the splits."""


def split_of(key: str) -> str:
    """Assign a key to a split: eight in ten to training, one each to validation and test.

    Args:
        key: What is held out as a whole.

    Returns:
        One of ``train``, ``validation``, ``test``.

    Example:
        >>> [split_of(key) for key in ("17+25", "2+40", "3+9")]
        ['train', 'train', 'train']
    """
    tenth = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % 10
    return "validation" if tenth == 8 else "test" if tenth == 9 else "train"
