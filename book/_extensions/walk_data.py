"""What the walk through the book's model needs beside the model itself: its sentence, in tokens."""

import json
from pathlib import Path

from _extensions.world_model_data import FOLDER
from llmguide.interpret.walk import SENTENCE
from llmguide.transformer.checkpoints import load_folder


def scripts(results: Path) -> dict[str, str]:
    """Return the data by the name of the script; the model lies in the folder of the book's results.

    Args:
        results: The folder of the book's results.

    Returns:
        The script.

    Raises:
        ValueError: If the model has no tokenizer.
    """
    tokenizer = load_folder(results / FOLDER).tokenizer
    if tokenizer is None:
        raise ValueError(f"{results / FOLDER} has no tokenizer.json to cut the sentence with")
    data = {"sentence": SENTENCE, "ids": tokenizer.encode_ids(SENTENCE)}
    return {"data.js": f"const TRANSFORMER_WALK = {json.dumps(data)};\n"}
