"""What the children of an unobserved discrete latent see, by its estimator, and what that does to the gradient."""

from __future__ import annotations

from unbraid.estimators.gumbel import Gumbel
from unbraid.estimators.plug_in import PlugIn
from unbraid.estimators.reinforce import Reinforce
from unbraid.estimators.sum_and_sample import SumAndSample
from unbraid.explanation.pattern import Pattern


def seen_by_children(name: str, pattern: Pattern) -> list[str]:
    """Says what the children of a latent see; nothing of one that is enumerated, as nothing is to beware of there.

    Args:
        name: The latent.
        pattern: A pattern of labels in which it is not observed.
    """
    if pattern.treatment(name) == "enumerated":
        return []
    match pattern.estimators[name]:
        case PlugIn():
            text = f"to plug in the mean of {name} is biased unless its q is certain of one value."
        case Gumbel(hard=True):
            text = f"the children of {name} see one-hot samples with the gradient of relaxed ones: biased."
        case Gumbel():
            text = (
                f"the children of {name} see relaxed one-hot samples: biased, the more the higher the temperature, and "
                "one-hot values may generate something else."
            )
        case Reinforce(samples=1):
            text = (
                f"the children of {name} see one sample, and q({name}) learns by the score function: unbiased and "
                "noisy; its baseline is each term's running mean."
            )
        case Reinforce(samples=samples):
            text = (
                f"the children of {name} see {samples} samples, and q({name}) learns by the score function: unbiased "
                "and noisy; each sample's baseline is the mean of the others."
            )
        case SumAndSample(k=k):
            most = "most probable value" if k == 1 else f"{k} most probable values"
            text = (
                f"the children of {name} see its {most} and one sample of the others, weighted by their mass: unbiased."
            )
        case _:
            return []
    return [f"Note: {text}"]
