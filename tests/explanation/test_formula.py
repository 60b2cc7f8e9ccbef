"""What is written is what is maximised: each written term, evaluated by brute force, is the objective's."""

import itertools
import math
from collections.abc import Iterator, Mapping

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.explanation.models import Against, Auxiliary, Digits, Faces, Tree
from unbraid.estimators import choose_estimators
from unbraid.explanation.formula import Addend, Weights, addends
from unbraid.explanation.pattern import Pattern
from unbraid.graph import Frame, Node, Spread

LABELS = {"kind": 2, "part": 1, "mark": 0}
PATTERNS = [frozenset(names) for size in range(4) for names in itertools.combinations(LABELS, size)]


def name_of(addend: Addend) -> str:
    """Returns the name that the objective gives to a term."""
    if addend.q and addend.p:
        return f"KL({addend.q.names[0]})"
    density = addend.q or addend.p
    assert density is not None
    return f"log {density.letter}({density.names[0]})"


class BruteForce:
    """Evaluates written terms for one row, over every value of the latents that are neither observed nor plugged in."""

    def __init__(self, model: ub.Model, x: Tensor, pattern: Pattern) -> None:
        self.model, self.x, self.pattern = model, x, pattern
        self.free = pattern.treated("enumerated")
        self.frames = {tuple(values.values()): self.frame(values) for values in self.assignments(self.free)}
        self.weights = {values: math.exp(self.log_weight(frame)) for values, frame in self.frames.items()}

    def expected(self, addend: Addend) -> float:
        """Returns the expectation over `addend.over`; what else is free stands at its first value."""
        total = 0.0
        for values, weight in self.weights.items():
            read = tuple(v if name in addend.over else 0 for name, v in zip(self.free, values, strict=True))
            total += weight * self.body(self.frames[read], addend)
        return total / sum(self.weights.values())

    def assignments(self, names: tuple[str, ...]) -> Iterator[dict[str, int]]:
        sizes = [range(self.model.latents[name].cardinality or 0) for name in names]
        return (dict(zip(names, values, strict=True)) for values in itertools.product(*sizes))

    def frame(self, values: Mapping[str, int]) -> Frame:
        frame = self.model.frame(self.x)
        for name, node in self.model.graph.latents.items():
            value = values.get(name, LABELS[name])
            one_hot = torch.eye(node.family.event_shape[0], dtype=torch.float64)[value][None]
            plugged = self.pattern.treatment(name) == "plugged in"
            frame = frame.fix(name, Spread(self.log_probs(frame, node).exp()[None] if plugged else one_hot))
        return frame

    def log_probs(self, frame: Frame, node: Node) -> Tensor:
        return torch.log_softmax(frame.parameters(node)["logits"].tensor[0], -1)

    def log_weight(self, frame: Frame) -> float:
        graph = self.model.graph
        names = (*self.free, *self.pattern.evidence())
        return sum(float(frame.score(graph.latents[name], frame[graph.latents[name]]).tensor) for name in names)

    def body(self, frame: Frame, addend: Addend) -> float:
        graph = self.model.graph
        if addend.kl:
            assert addend.q
            name = addend.q.names[0]
            q, p = (self.log_probs(frame, node) for node in (graph.latents[name], graph.factors[name]))
            return float((q.exp() * (q - p)).sum())
        score = {"q": 0.0, "p": 0.0}
        for density in (addend.q, addend.p):
            if density:
                name = density.names[0]
                value = Spread(self.x) if name == "x" else frame[graph.latents[name]]
                node = graph.latents[name] if density.letter == "q" else graph.factors[name]
                score[density.letter] = float(frame.score(node, value).tensor)
        return score["q"] - score["p"] if addend.q and addend.p else score["q"] + score["p"]


@pytest.mark.parametrize("plugged", [(), ("kind",), ("part",), ("mark",)], ids="-".join)
@pytest.mark.parametrize("observed", PATTERNS, ids=lambda names: "-".join(sorted(names)))
@pytest.mark.parametrize("model", [Tree(seed=1), Against(seed=1)], ids=["along", "against"])
def test_each_written_term_is_the_objectives(
    model: ub.Model, observed: frozenset[str], plugged: tuple[str, ...]
) -> None:
    model = model.double().requires_grad_(False)
    x = torch.randn(1, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    estimators = dict.fromkeys(plugged, "plug_in")
    labels = {name: torch.tensor([LABELS[name]]) for name in observed}
    terms = model.objective(x, labels, estimators=estimators).terms
    pattern = Pattern(model.graph, observed, choose_estimators(model.graph, estimators))
    written = addends(pattern, Weights(alpha=50.0, gamma=1.0, beta=1.0))
    assert {name_of(addend) for addend in written} == set(terms)
    brute = BruteForce(model, x, pattern)
    for addend in written:
        assert float(terms[name_of(addend)].values) == pytest.approx(brute.expected(addend), abs=1e-9), name_of(addend)


def test_weights_are_the_objectives() -> None:
    pattern = Pattern(Tree().graph, frozenset({"part"}), choose_estimators(Tree().graph))
    weights = {name_of(addend): addend.weight for addend in addends(pattern, Weights(alpha=7.0, gamma=1.0, beta=2.0))}
    assert weights == {"log p(x)": 1, "KL(kind)": -2, "log p(part)": 1, "log q(part)": 7, "KL(mark)": -2}


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize(
    "estimator",
    ["enumerate", "plug_in", "gumbel", "gumbel(hard=true)", "reinforce(samples=1)", "reinforce(samples=4)",
     "sum_and_sample(k=2)", "sum_and_sample(k=99)"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("model", "name", "observed"),
    [
        (Digits(), "digit", True),
        (Digits(), "digit", False),
        (Faces(), "identity", False),
        (Auxiliary(), "digit", False),
        (Tree(), "part", False),
        (Against(), "kind", False),
    ],
    ids=["digits-observed", "digits", "faces", "auxiliary", "tree", "against"],
)
def test_the_cost_is_counted_in_rows_of_the_likelihood(
    model: ub.Model, name: str, observed: bool, estimator: str, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 2
    scored = []
    likelihood = model.graph.likelihood
    score = Frame.score

    def counting(frame: Frame, node: Node, value: Spread) -> Spread:
        result = score(frame, node, value)
        if node is likelihood:
            scored.append(result.tensor.numel())
        return result

    monkeypatch.setattr(Frame, "score", counting)
    x = torch.zeros(rows, *model.data_shape)
    labels = {name: torch.zeros(rows, dtype=torch.int64)} if observed else {}
    model.objective(x, labels, estimators={name: estimator}, samples=samples)
    pattern = Pattern(model.graph, frozenset(labels), choose_estimators(model.graph, {name: estimator}), samples)
    assert sum(scored) == rows * pattern.evaluations()
