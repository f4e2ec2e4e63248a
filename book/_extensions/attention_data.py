"""What the attention explorer needs besides its code: recorded weights and vectors, in a script with one constant."""

import json
from pathlib import Path
from typing import cast

from llmguide.experiments.attention_sentence import EXPERIMENT, HEADS, LAYERS, STEPS
from llmguide.experiments.attention_vectors import D_HEAD, UNIT, VECTOR_STEPS
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
        "unit": UNIT,
        "vectorSteps": VECTOR_STEPS,
        "width": D_HEAD,
        "texts": {name: {part: text[part] for part in ("tokens", "packed", "vectors")} for name, text in texts.items()},
        "previous": config.previous,
        "induction": config.induction,
        "resting": config.resting,
    }
    return {"data.js": f"const ATTENTION_DATA = {json.dumps(data)};\n"}
