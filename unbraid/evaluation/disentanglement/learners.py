"""Learners of scikit-learn, which is optional: what a predictor makes of a code, and what it attends to."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unbraid.errors import OptionError

Predictor = Literal["boosting", "forest", "lasso"]
PREDICTORS: tuple[Predictor, ...] = ("boosting", "forest", "lasso")


class MissingDependencyError(OptionError, ImportError):
    """A measure was asked for whose library is not installed."""


def check_predictor(name: str) -> None:
    """Raises OptionError if there is no predictor of this name."""
    if name not in PREDICTORS:
        raise OptionError(f"predictor must be one of {', '.join(map(repr, PREDICTORS))}, got {name!r}")


def halves(rows: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Splits row numbers at random into two halves: to train on, and to test with."""
    order = np.random.default_rng(seed).permutation(rows)
    return np.sort(order[: (rows + 1) // 2]), np.sort(order[(rows + 1) // 2 :])


def learn(
    columns: NDArray[np.float64], target: NDArray[Any], predictor: Predictor, seed: int
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Trains a predictor on half of the rows.

    Args:
        columns: (rows, columns).
        target: (rows,) int64 for classes, float64 for numbers.
        predictor: "lasso" is linear, its weight chosen by cross-validation; of classes, one indicator each, and the
            largest wins. "forest" and "boosting" are trees.
        seed: Of the split and of the trees.

    Returns:
        The importance of each column, (columns,), not negative: absolute coefficients, or the trees' decrease of
        impurity; and the predictions of the other half, (test rows,).
    """
    train, test = halves(len(columns), seed)
    if predictor == "lasso":
        return _lasso(columns[train], target[train], columns[test], seed)
    if target.dtype.kind == "i" and len(np.unique(target[train])) == 1:
        return np.zeros(columns.shape[1]), np.full(len(test), target[train][0])
    kind = "Classifier" if target.dtype.kind == "i" else "Regressor"
    ensemble = _scikit_learn("ensemble")
    if predictor == "forest":
        trees = getattr(ensemble, f"RandomForest{kind}")(100, max_features=1.0, min_samples_leaf=2, random_state=seed)
    else:
        trees = getattr(ensemble, f"GradientBoosting{kind}")(random_state=seed)
    trees.fit(columns[train], target[train])
    return np.asarray(trees.feature_importances_, np.float64), np.asarray(trees.predict(columns[test]))


def held_out_log_loss(columns: NDArray[np.float64], classes: NDArray[np.int64], seed: int) -> float:
    """Returns the mean of -log r(class | columns), in nats, of rows that r was not trained on: two folds.

    r is logistic regression or boosted trees, whichever does better: the one sees directions that are no column, the
    other what is not linear.
    """
    makers = (_linear, lambda known: _boosting(known, seed))
    return min(_log_loss(make, columns, classes, halves(len(columns), seed)) for make in makers)


def _linear(classes: NDArray[np.int64]) -> Any:
    """Makes logistic regression."""
    return _scikit_learn("linear_model").LogisticRegression(C=100, max_iter=2000)


def _boosting(classes: NDArray[np.int64], seed: int) -> Any:
    """Makes boosted trees, which stop early where a tenth of the rows can hold every class."""
    counts = np.bincount(classes)
    counts = counts[counts > 0]
    early = int(counts.min()) > 1 and -(-len(classes) // 10) >= len(counts)
    return _scikit_learn("ensemble").HistGradientBoostingClassifier(
        max_iter=50, early_stopping=early, random_state=seed
    )


def _log_loss(
    make: Callable[[NDArray[np.int64]], Any],
    columns: NDArray[np.float64],
    classes: NDArray[np.int64],
    folds: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> float:
    """Returns the mean of -log r(class | columns) over both folds, each with an r that was trained on the other."""
    total, smallest = 0.0, 1e-6  # a class that was not seen in training costs 14 nats, not infinitely many
    for train, test in (folds, folds[::-1]):
        shares = np.full((len(test), int(classes.max()) + 1), smallest)
        if len(np.unique(classes[train])) == 1:
            shares[:, classes[train][0]] = 1.0
        else:
            model = make(classes[train]).fit(columns[train], classes[train])
            shares[:, model.classes_] = np.maximum(model.predict_proba(columns[test]), smallest)
        total -= float(np.log(shares[np.arange(len(test)), classes[test]]).sum())
    return total / len(columns)


def _lasso(
    columns: NDArray[np.float64], target: NDArray[Any], unseen: NDArray[np.float64], seed: int
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Trains a lasso, or one a class, and returns importances and predictions of unseen rows."""
    lasso = _scikit_learn("linear_model").LassoCV
    classes = np.unique(target) if target.dtype.kind == "i" else None
    wanted = [target] if classes is None else [(target == each).astype(np.float64) for each in classes]
    models = [lasso(cv=3, random_state=seed, max_iter=10_000).fit(columns, each) for each in wanted]
    importances = np.abs([model.coef_ for model in models]).sum(axis=0)
    scores = np.stack([model.predict(unseen) for model in models], axis=1)
    return importances, scores[:, 0] if classes is None else classes[scores.argmax(axis=1)]


def _scikit_learn(part: str) -> Any:
    """Imports a part of scikit-learn, or says how to get it."""
    try:
        return import_module(f"sklearn.{part}")
    except ImportError as error:
        raise MissingDependencyError(
            "this measure needs scikit-learn, which is not installed: pip install 'unbraid[metrics]'"
        ) from error
