"""In which year published vocabularies came out."""

from datetime import date

from llmguide.constants.constant import Constant

_LOOKED_UP = date(2026, 11, 30)


def _year(name: str, year: int, source: str, note: str) -> Constant:
    """Describe the year in which a vocabulary came out."""
    return Constant(f"{name}-year", year, "(year)", _LOOKED_UP, source, note)


YEARS: tuple[Constant, ...] = (
    _year("bert", 2018, "google2018bert", "README.md: models and code of BERT were released in October 2018."),
    _year("gpt2", 2019, "radford2019language", "The year of the paper, and of the first release of its models."),
    _year("xlnet", 2019, "yang2019xlnet", "The year of the paper."),
    _year("albert", 2019, "lan2020albert", "The year of the paper's first version, arXiv 1909.11942."),
    _year("t5", 2019, "raffel2020exploring", "The year of the paper's first version, arXiv 1910.10683."),
    _year("cl100k", 2022, "jain2022tiktoken", "The year of tiktoken's first release, which has this vocabulary."),
    _year("llama2", 2023, "touvron2023llama2", "The year of the paper, and of the models."),
    _year("mistral-7b", 2023, "jiang2023mistral", "The year of the paper, and of the model."),
    _year("o200k", 2024, "tiktoken2024gpt4o", "13 May 2024: the library has the new vocabulary of GPT-4o."),
    _year("llama3", 2024, "grattafiori2024llama3", "The year of the paper, and of the models."),
    _year("smollm2", 2024, "allal2024smollm2", "The year in which the card says to cite the models."),
)
"""The year in which a vocabulary that the book uses was published.

:meta hide-value:
"""
