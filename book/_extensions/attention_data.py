"""What the attention explorer needs besides its code: the recorded weights, as a script that assigns one constant."""

import json
from pathlib import Path
from typing import cast

from llmguide.experiments.attention_sentence import EXPERIMENT, HEADS, LAYERS, STEPS
from llmguide.experiments.records import Metrics, load, lookup


def scripts(results: Path) -> dict[str, str]:
    """Return the data by the name of the script; they lie in the folder of the book's results."""
    record = load(EXPERIMENT.name, results)
    config = EXPERIMENT.config
    texts = cast(dict[str, Metrics], lookup(record, "texts"))
    data = {
        "layers": LAYERS,
        "heads": HEADS,
        "steps": STEPS,
        "texts": {name: {"tokens": text["tokens"], "packed": text["packed"]} for name, text in texts.items()},
        "previous": config.previous,
        "induction": config.induction,
    }
    return {"data.js": f"const ATTENTION_DATA = {json.dumps(data)};\n"}
