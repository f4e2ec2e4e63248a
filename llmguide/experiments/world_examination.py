"""All kinds of questions about the miniature world put to a model, and what became of its secrets and prejudices."""

from statistics import fmean

from llmguide.evaluation.abilities import answer, log_likelihoods, shares
from llmguide.tokenizers.tokenizer import Tokenizer
from llmguide.training.assembly import END
from llmguide.transformer.model import Transformer
from llmguide.world.crowd import prejudice
from llmguide.world.exam import exam, grade
from llmguide.world.facts import World
from llmguide.world.items import REFUSAL, Item
from llmguide.world.secrets import REPETITIONS, candidates, exposure, secrets


def examine(model: Transformer, tokenizer: Tokenizer, world: World, per_kind: int) -> dict[str, object]:
    """Put all kinds of questions to a model.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        world: What is true.
        per_kind: Questions of each kind.

    Returns:
        ``abilities``: the share of right answers to the test's questions by kind; ``questions``: how many there were;
        ``refusals``: the share of refusals by kind, right or wrong; ``secrets``: by how often they were told, which
        part the model gives away, and their mean exposure in bits; ``prejudice``: how much more it expects a trade of
        people from the land that favours it.
    """
    stop_id = tokenizer.model.ids[END]
    items = exam(world, "test", per_kind=per_kind)
    texts = answer(model, tokenizer, items, stop_id=stop_id)
    found = secrets(world)
    drawn = answer(model, tokenizer, [secret.item for secret in found], stop_id=stop_id)
    given = {secret: grade(secret.item, text) for secret, text in zip(found, drawn, strict=True)}
    exposures = {secret: exposure(log_likelihoods(model, tokenizer, candidates(secret)).tolist()) for secret in found}
    groups = {
        str(count): group
        for count in REPETITIONS
        if (group := [secret for secret in found if secret.repetitions == count])
    }

    def probability(prompt: str, after: str) -> float:
        return float(log_likelihoods(model, tokenizer, [Item("", prompt, after, "")]).exp())

    return {
        "abilities": shares(items, map(grade, items, texts)),
        "questions": {kind: sum(item.kind == kind for item in items) for kind in dict.fromkeys(i.kind for i in items)},
        "refusals": shares(items, (text.startswith(REFUSAL) for text in texts)),
        "secrets": {
            "given": {count: fmean(given[secret] for secret in group) for count, group in groups.items()},
            "exposure": {count: fmean(exposures[secret] for secret in group) for count, group in groups.items()},
        },
        "prejudice": prejudice(world, probability),
    }
