"""What is shown of the faces: errors by labelled rows, what structure buys, counterparts of the paper's figures."""

from __future__ import annotations

from experiments.curves import Curves
from experiments.disentangled import SCORES
from experiments.published import IDENTITY, LIGHT, Published
from experiments.table import Measure, Measures, Table, Unit

STRUCTURES = ("neither", "q", "p", "both")
PROTOCOLS = {"rows": "rows split at random", "lights": "lights held out"}
METRICS: tuple[tuple[str, str, Unit, tuple[Published, ...]], ...] = (
    ("Error of the identity", "identity_error", "percent", IDENTITY),
    ("Angle between the light and its prediction", "light_angle", "degrees", ()),
    ("1 - cosine of this angle", "light_cosine", "percent", LIGHT),
)
SWAPS = (
    Measure("person set: shown", "swap_identity_shown", "percent"),
    Measure("light kept", "swap_identity_kept_lighting_angle", "degrees"),
    Measure("light set: shown", "swap_lighting_shown_angle", "degrees"),
    Measure("person kept", "swap_lighting_kept_identity", "percent"),
    Measure("real rows: person read", "judge_identity", "percent"),
    Measure("light read", "judge_lighting_angle", "degrees"),
)
LABELLED = {"all": "all rows", 60: "60 rows"}
ERRORS: tuple[tuple[str, str, Unit], ...] = (
    ("identity error", "identity_error", "percent"),
    ("light", "light_angle", "degrees"),
)
STRUCTURE = (
    Measures(
        "Structure in neither q nor p, in q (the paper's model), in p, in both; rows split at random",
        tuple(
            Measure(f"{name}, {rows} labelled", metric, unit, {"labels": labels})
            for name, metric, unit in ERRORS
            for labels, rows in LABELLED.items()
        ),
        order=STRUCTURES,
        where={"split": "rows"},
    ),
    *(
        Measures(f"{title}; {rows} labelled", columns, order=STRUCTURES, where={"split": "rows", "labels": labels})
        for title, columns in (("Swap tests by an independent classifier", SWAPS), ("How disentangled", SCORES))
        for labels, rows in LABELLED.items()
    ),
)
TABLES: tuple[Table | Measures, ...] = (
    *(
        Table(
            f"{title}, {protocol}, by labelled rows",
            metric,
            where={"model": "q", "split": split},
            unit=unit,
            published=others,
        )
        for split, protocol in PROTOCOLS.items()
        for title, metric, unit, others in METRICS
    ),
    *STRUCTURE,
)
CURVES = tuple(
    Curves(
        title,
        metric,
        "labels",
        "model",
        where={"model": "q", "split": "rows"},
        unit=unit,
        name=metric,
        axis="labelled rows of 38 people",
        baseline=True,
    )
    for title, metric, unit, _ in METRICS[:2]
)
FIGURES = {
    "q-all-rows-graph": "The paper's Figure 6",
    "both-all-rows-graph": "Structure in both models",
    "q-all-rows-lights": "The paper's Figure 1, above",
    "q-all-rows-people": "The paper's Figures 1, below, and 7",
    "neither-all-rows-lights": "The same without structure",
    "q-60-rows-lights": "From 60 labelled rows",
    "q-60-rows-people": "The same",
    "q-all-rows-reconstructions": "Reconstructions",
    "identity_error": "The error of the identity over labelled rows",
    "light_angle": "The light over labelled rows",
}
