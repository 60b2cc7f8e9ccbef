"""The model: a program of named random variables, and everything that can be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from inspect import signature
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from unbraid.capture import Captures
from unbraid.data.row_tensor import RowsLike, row_tensor
from unbraid.errors import DataError, ModelError, OptionError
from unbraid.estimators.choice import choose_estimators
from unbraid.estimators.estimator import Estimator
from unbraid.fields import Field, fields_of, filled
from unbraid.graph.frame import Frame
from unbraid.graph.graph import factorisation
from unbraid.graph.series import join
from unbraid.graph.shapes import settle_shapes
from unbraid.graph.trace import trace
from unbraid.inference import generation, passes
from unbraid.inference.by_hand import ByHand, several
from unbraid.objectives.bound import Surroundings
from unbraid.objectives.given import batch_labels
from unbraid.objectives.objective import objective
from unbraid.objectives.options import DEFAULT_ALPHA, Bound, Options, Supervision, check_names, checked_options
from unbraid.objectives.terms import Objective
from unbraid.variables.family import Family

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch.export import ExportedProgram

    from unbraid.explorer import Explorer
    from unbraid.exporting import Answer
    from unbraid.gradients import GradientReport

CHUNK = 1000
"""How many rows are taken at a time where no gradient is needed."""


class Model(nn.Module):
    """A model of data: subclass it, give it typed fields, and write `encode`, `decode` and perhaps `prior`.

    The three methods are called once, with symbols, when the model is made; what they say becomes an immutable graph
    that is checked before any data. The model's parameters are drawn from `seed`.

    Args:
        seed: What the initial parameters are drawn from; torch's global generator is not touched.
        **fields: Values of the typed fields (hyper-parameters) of the subclass.

    Raises:
        ModelError: If the program is wrong; the message names the variable, the method and the line.
        OptionError: If a field does not exist or has another type.

    Example:
        >>> import unbraid as ub
        >>> class Digits(ub.Model):
        ...     hidden: int = 16
        ...
        ...     def encode(self, x):
        ...         h = ub.mlp(self.hidden)(x)
        ...         digit = ub.Categorical(10)(h)
        ...         return {"digit": digit, "style": ub.Normal(2)(digit, h)}
        ...
        ...     def decode(self, digit, style):
        ...         return ub.Bernoulli(1, 28, 28)(ub.mlp(self.hidden)(digit, style))
        >>> print(Digits())
        q(digit | x) q(style | x, digit)
        p(digit) p(style) p(x | digit, style)
    """

    encode: Callable[..., Any]
    decode: Callable[..., Any]

    def __init__(self, *, seed: int = 0, **fields: Any) -> None:
        for method in ("encode", "decode"):
            if not callable(getattr(type(self), method, None)):
                raise ModelError(
                    f"{type(self).__name__} has no method {method!r}: a model needs encode(self, x) and decode(self, "
                    "...)."
                )
        super().__init__()
        self.seed = seed
        self.captures = Captures()
        self.fields = filled(type(self), self.field_types(), fields)
        for name, value in self.fields.items():
            setattr(self, name, value)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.graph, self.parts = trace(self)
            settle_shapes(self.graph, self.parts, type(self).__name__)

    @classmethod
    def field_types(cls) -> dict[str, Field]:
        """Returns the hyper-parameters by name: type and default."""
        return fields_of(cls, Model)

    @property
    def latents(self) -> dict[str, Family]:
        """The family of each latent, in the order of the recognition program; of one in a `Repeat`, that of a step."""
        return {name: self.graph.latents[each.members[0]].family for name, each in self.graph.series.items()}

    @property
    def data_shape(self) -> tuple[int, ...]:
        """The shape of one row of x."""
        return self.graph.likelihood.family.event_shape

    def objective(
        self,
        x: RowsLike,
        labels: Mapping[str, Tensor] | None = None,
        *,
        estimators: Mapping[str, str | Estimator] | None = None,
        alpha: float = DEFAULT_ALPHA,
        gamma: float = 1.0,
        beta: float = 1.0,
        free_bits: float = 0.0,
        samples: int = 1,
        supervision: Supervision = "default",
        bound: Bound = "elbo",
        generator: torch.Generator | None = None,
        progress: float = 1.0,
    ) -> Objective:
        """Returns the objective of a batch in which any latent may be observed in any row.

        Args:
            x: Rows, (rows, *data_shape): a tensor, an array, a data frame or a list.
            labels: By latent: whole numbers (rows,) with -1, or floats (rows, *event) with NaN, where not labelled.
            estimators: By discrete latent, the name of an estimator, or one with options.
            alpha: The weight of log q of observed latents.
            gamma: The weight of rows with any label.
            beta: The weight of the KL terms.
            free_bits: Nats of each KL term that cost nothing.
            samples: How many samples of the sampled latents.
            supervision: "default", or "eq4"; see `Options`.
            bound: "elbo", or "importance" for the importance-weighted bound; see `Options`.
            generator: Where noise is drawn from.
            progress: How far a training has come, 0 to 1, for estimators with a schedule.

        Returns:
            The loss and its named terms, in nats.

        Raises:
            DataError: If x has another shape or no rows, or labels are for no latent, or have another shape, type or
                range than its values.
            OptionError: If an estimator does not exist or does not fit, or an option cannot have its value.
        """
        x = self._here(x)
        if x.shape[0] == 0:
            raise DataError("the batch has no rows: its mean objective is not a number.")
        chosen = choose_estimators(self.graph, estimators)
        options = checked_options(alpha, gamma, beta, free_bits, samples, supervision, bound)
        parts = batch_labels(self.graph, labels, x.shape[0])
        around = Surroundings(generator, progress, captures=self.captures)
        return objective(self.graph, self.parts, x, parts, chosen, options, around)

    def frame(self, x: Tensor | None) -> Frame:
        """Returns the root frame of a pass over rows x."""
        return Frame(self.graph, self.parts, x)

    def infer(self, x: RowsLike, **known: Any) -> dict[str, Distribution]:
        """Infers the latents of rows.

        Args:
            x: Rows, (rows, *data_shape): a tensor, an array, a data frame or a list.
            **known: Latents whose values are known: a number or a tensor (rows, *label).

        Returns:
            The distribution q of each latent, with batch shape (rows,), its ancestors at their known or most
            probable values.

        Raises:
            ModelError: If the program gives a distribution a parameter outside its domain, a negative scale say.
        """
        x, by_hand = self._asked_about(x), self._by_hand
        with self._asked():
            return passes.infer(self.frame(x), by_hand.known(by_hand.labels(known, x.shape[0])), x.shape[0])

    def predict(self, x: RowsLike, **known: Any) -> dict[str, Tensor]:
        """Predicts the most probable values of the latents.

        Args:
            x: Rows, (rows, *data_shape): a tensor, an array, a data frame or a list.
            **known: Latents whose values are known: a number or a tensor (rows, *label).

        Returns:
            By latent: int64 (rows,) for a discrete one, the mean (rows, *event) for a continuous one.
        """
        found = self._predicted(self._asked_about(x), known)
        return join(self.graph.series, passes.without_absent(self.graph, found))

    def _predicted(self, x: Tensor, known: Mapping[str, Any]) -> dict[str, Tensor]:
        """Returns the most probable label of every latent of the graph, those of steps past the count too."""
        by_hand = self._by_hand
        labels = by_hand.labels(known, x.shape[0])
        with self._asked():
            parts = [
                passes.predict(self.frame(x[rows]), by_hand.known(labels, rows), rows.stop - rows.start)
                for rows in _chunks(x.shape[0])
            ]
        return {name: torch.cat([part[name] for part in parts]) for name in self.graph.latents}

    def generate(self, values: Mapping[str, Any]) -> Tensor:
        """Returns the mean of x for given latents.

        Args:
            values: By latent (all of them), as `predict` gives them; numbers and single rows are repeated.

        Returns:
            Shape (rows, *data_shape).

        Raises:
            DataError: If a latent is missing or has a value that it cannot have.
        """
        by_hand = self._by_hand
        by_hand.check_names(values)
        for name, each in self.graph.series.items():
            if name not in values and not all(member in values for member in each.members):
                raise DataError(f"generate needs a value for every latent; {name!r} is missing.")
        rows = by_hand.rows_of(values)
        return self._generated(by_hand.labels(values, rows), rows)

    def _generated(self, labels: Mapping[str, Tensor], n: int) -> Tensor:
        """Returns the means of n rows of x; latents without a label take the most probable one of p."""
        by_hand = self._by_hand
        with self._asked():
            parts = [
                generation.generate(self.frame(None), by_hand.known(labels, rows), rows.stop - rows.start)
                for rows in _chunks(n)
            ]
        return torch.cat(parts)

    def sample(self, n: int = 1, generator: torch.Generator | None = None, **factors: Any) -> Tensor:
        """Draws latents from p, with any of them set by hand, and returns the means of x.

        Args:
            n: How many.
            generator: Where noise is drawn from.
            **factors: Latents set by hand: a number or a tensor (n, *label).

        Returns:
            Shape (n, *data_shape).

        Raises:
            DataError: If a latent is set to a value that it cannot have.
            OptionError: If n is no number of rows.
        """
        _check_number("n", n, 0)
        by_hand = self._by_hand
        with self._asked():
            fixed = by_hand.known(by_hand.labels(factors, n))
            frame = generation.sample(self.frame(None), fixed, n, generator)
            return generation.mean_of_x(frame, n)

    def reconstruct(self, x: RowsLike) -> Tensor:
        """Infers the latents of rows and returns the mean of x given them, shape (rows, *data_shape)."""
        x = self._asked_about(x)
        return self._generated(self._predicted(x, {}), x.shape[0])

    def analogy(self, x: RowsLike, **factor: Iterable[Any]) -> Tensor:
        """Infers all latents, sets one to each of several values, and generates again.

        This draws the analogies of Siddharth et al. 2017, Figure 4. What follows the latent in p, such as a style whose
        prior depends on the digit, is generated anew, at its most probable value.

        Args:
            x: Rows, (rows, *data_shape): a tensor, an array, a data frame or a list.
            **factor: One latent and the values that it is set to: ``digit=range(10)``.

        Returns:
            Shape (rows, values, *data_shape).

        Raises:
            DataError: If not exactly one latent is named, with values that it can have.
        """
        if len(factor) != 1:
            raise DataError(
                f"analogy sets one latent to several values, analogy(x, digit=range(10)); got "
                f"{sorted(factor) or 'none'}."
            )
        by_hand = self._by_hand
        by_hand.check_names(factor)
        name, values = next(iter(factor.items()))
        values, x = several(name, values), self._asked_about(x)
        kept, n = self._kept(x, factor), x.shape[0]
        rows = [self._generated({**kept, **by_hand.labels({name: value}, n)}, n) for value in values]
        return torch.stack(rows, dim=1)

    def edit(self, x: RowsLike, **factors: Any) -> Tensor:
        """Infers all latents, sets any of them by hand, and generates again.

        As in `analogy`, what follows these in p is generated anew, at its most probable value, unless it is set too.

        Args:
            x: Rows, (rows, *data_shape): a tensor, an array, a data frame or a list.
            **factors: Latents set by hand: a number or a tensor (rows, *label). A single step of a `Repeat` is
                ``**{"items[0].digit": 3}``.

        Returns:
            Shape (rows, *data_shape).

        Raises:
            DataError: If x is no batch of rows, or a latent does not exist or is set to a value that it cannot have.
        """
        by_hand = self._by_hand
        by_hand.check_names(factors)
        x = self._asked_about(x)
        kept, n = self._kept(x, factors), x.shape[0]
        return self._generated({**kept, **by_hand.labels(factors, n)}, n)

    def _kept(self, x: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """Returns what is inferred of rows, but for what is set by hand and for what follows that in p."""
        members = {name: each.members for name, each in self.graph.series.items()}
        set_by_hand = {member for name in names for member in members.get(name, (name,))}
        anew = set_by_hand.union(*(self.graph.generated_from(member) for member in set_by_hand))
        return {name: value for name, value in self._predicted(x, {}).items() if name not in anew}

    def log_weights(self, x: RowsLike, samples: int = 1, generator: torch.Generator | None = None) -> Tensor:
        """Draws every latent from q and returns log p(target, v) - log q(v | x), whose log-mean-exp bounds log p(x).

        Discrete latents are drawn as values, whatever the estimator in training.

        Args:
            x: Rows, (rows, *data_shape). Grey pixels are binarised once a row if the likelihood says so.
            samples: How many samples S.
            generator: Where noise is drawn from.

        Returns:
            Shape (samples, rows), in nats (Burda et al. 2016, Eq. 8).
        """
        _check_number("samples", samples, 1)
        x = self._asked_about(x)
        with self._asked():
            target = self.graph.likelihood.family.target(x, generator)
            return passes.log_weights(self.frame(x), target, samples, generator)

    def mermaid(self) -> str:
        """Returns the factorisations of p and q as a Mermaid diagram."""
        from unbraid.figures.mermaid import mermaid

        return mermaid(self.graph)

    def draw(self, path: Any = None) -> Figure:
        """Draws the generative and the recognition model side by side; saves the picture if a path is given."""
        from unbraid.figures import draw_model

        return draw_model(self, path)

    def explore(
        self,
        images: RowsLike | None = None,
        labels: Mapping[str, Any] | None = None,
        *,
        categories: Mapping[str, Sequence[str]] | None = None,
        title: str = "",
        port: int = 0,
    ) -> Explorer:
        """Serves a page to a browser on this machine on which rows are chosen, and any latent is set by hand.

        Args:
            images: Rows to choose from, (rows, *data_shape); those that the model draws can be chosen, too.
            labels: Of these rows, shown beside what is inferred: -1 or NaN where missing.
            categories: By discrete latent what its values are called.
            title: Of the page; the name of the class if not given.
            port: Where it is served; 0 for any that is free.

        Returns:
            What serves it, in the background: `.url`, `.open()`, `.close()`.

        Raises:
            DataError: If the images or labels do not fit.
            OptionError: If the port is taken.
        """
        from unbraid.explorer import Explorer, Questions

        return Explorer(Questions(self, images, labels, categories, title), port)

    def export(self, path: str | Path | None = None, answer: Answer = "predict") -> ExportedProgram:
        """Exports what this model answers, with its weights, as a program that needs torch and nothing else.

        ``torch.export.load(path).module()(x)`` answers as the model does, for any number of rows, on the device where
        the model was; it checks nothing that it is given. ``torch.onnx.export`` and torch's compilers take it, too.

        Args:
            path: Of the file, ``digits.pt2``; None for no file.
            answer: "predict" and "reconstruct" take x and return what these methods do; "infer" takes x and returns by
                latent the parameters of q, ``["digit"]["logits"]``; "generate" takes a value of every latent.

        Returns:
            The program.

        Raises:
            ModelError: If a module of the program's own asks for numbers that only a run could know.
            OptionError: If there is no such answer.
            RunError: If the file cannot be written.
        """
        from unbraid.exporting import export

        with self._asked():
            return export(self, answer, path)

    def gradient_report(
        self,
        x: RowsLike,
        labels: Mapping[str, Tensor] | None = None,
        *,
        estimators: Mapping[str, str | Estimator] | Iterable[str | Estimator] | None = None,
        repeats: int = 100,
        generator: torch.Generator | None = None,
        **options: Any,
    ) -> GradientReport:
        """Measures what each estimator does to the gradient of a batch: bias, variance, direction and time.

        Note:
            Continuous latents are drawn anew in every repeat, for every estimator. So the exact gradient is the mean of
            as many repeats of enumeration, with a standard error of its own, which the report says and the standard
            errors of the biases contain. "enumerate" itself is a second, independent set of repeats.

        Args:
            x: Rows, (rows, *data_shape): a tensor, an array, a data frame or a list.
            labels: As `objective` takes them; an observed latent needs no estimator.
            estimators: What is compared, each for all discrete latents together: a list of names, perhaps with options,
                or of estimators; or these by the name that the report gives them. The built-in ones that fit if None.
            repeats: How often each gradient is drawn, at least 4.
            generator: Where noise is drawn from.
            **options: Of the objective: `alpha`, `gamma`, `beta`, `samples`, ...

        Returns:
            The report: `print` gives its tables, `.markdown()` too, `.draw()` a figure.

        Raises:
            DataError: If x or the labels do not fit.
            OptionError: If there is no discrete latent, or enumerating them is over the budget of the defaults, or an
                estimator does not exist or does not fit.
        """
        from unbraid.gradients import gradient_report

        check_names("gradient_report", options, [each.name for each in fields(Options)])
        x = self._asked_about(x)
        asked = (batch_labels(self.graph, labels, x.shape[0]), estimators, Options(**options), repeats, generator)
        return gradient_report(self.graph, self.parts, x, *asked)

    def explain(self, labels: Mapping[str, Any] | None = None, **options: Any) -> str:
        """Says in maths what is maximised for the given labels, and how each latent is treated.

        Args:
            labels: As `fit` takes them.
            **options: Of the objective, and of the text; see `unbraid.explanation.explain`.

        Raises:
            DataError: If the labels do not fit.
            OptionError: If there is no such option, or it cannot have its value.
        """
        from unbraid.explanation import explain

        check_names("explain", options, list(signature(explain).parameters)[2:])
        return explain(self.graph, labels, **options)

    def check_shape(self, x: Tensor) -> None:
        """Raises DataError if x is no batch of rows of this model's data."""
        if tuple(x.shape[1:]) != self.data_shape or x.dim() == 0:
            raise DataError(
                f"x has shape {tuple(x.shape)}; this model takes (rows, {', '.join(map(str, self.data_shape))})."
            )
        if not x.is_floating_point():
            raise DataError(
                f"x is {x.dtype}; this model takes floating-point numbers: x.float(), and bytes divided by 255."
            )
        if x.dtype != self._dtype():
            raise DataError(
                f"x is {x.dtype} and the parameters of this model are {self._dtype()}: x.to({self._dtype()})."
            )

    def __str__(self) -> str:
        return f"{factorisation(self.graph.q_parents, 'q')}\n{factorisation(self.graph.p_parents, 'p')}"

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Puts the model into evaluation mode, without gradients, for a question."""
        modes = [(module, module.training) for module in self.modules()]
        self.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            for module, training in modes:
                module.training = training

    def _here(self, given: RowsLike) -> Tensor:
        """Checks what rows are and moves them to where the model is; their values are not looked at."""
        x = row_tensor(given, self._dtype())
        self.check_shape(x)
        return x.to(self._device())

    def _asked_about(self, given: RowsLike) -> Tensor:
        """Checks rows, their values too, and moves them to where the model is."""
        x = row_tensor(given, self._dtype())
        self.check_shape(x)
        if x.shape[0]:
            self.graph.likelihood.family.check_data(x.detach())
        return x.to(self._device())

    def _device(self) -> torch.device:
        first = self._first_parameter()
        return torch.device("cpu") if first is None else first.device

    def _dtype(self) -> torch.dtype:
        first = self._first_parameter()
        return torch.get_default_dtype() if first is None else first.dtype

    def _first_parameter(self) -> nn.Parameter | None:
        """Returns any parameter, asking the first part before the whole model: that is quicker."""
        first_part = next(iter(self.parts.values()), self)
        found = next(first_part.parameters(), None)
        return next(self.parameters(), None) if found is None else found

    @property
    def _by_hand(self) -> ByHand:
        return ByHand(self.graph, self._dtype(), self._device())


def _check_number(name: str, value: Any, least: int) -> None:
    """Raises OptionError for what is no number of rows or samples."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise OptionError(f"{name} must be a whole number of at least {least}, got {value!r}.")


def _chunks(rows: int) -> list[slice]:
    return [slice(start, min(start + CHUNK, rows)) for start in range(0, max(rows, 1), CHUNK)]
