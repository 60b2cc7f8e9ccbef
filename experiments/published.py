"""Figures of others, in percent, as they stand in their papers; shown beside ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """A row of somebody else's table.

    Attributes:
        name: Who, and which model.
        values: By the column of our table (the labels in all, as text): what is printed there.
        source: Where it stands.
    """

    name: str
    values: Mapping[str, str]
    source: str


PAPER = "Siddharth et al. 2017 (first version)"
MNIST = (
    Published(
        "the paper",
        {"100": "12.2 ± 1.38", "600": "5.28 ± 0.76", "1000": "4.23 ± 0.68", "3000": "3.94 ± 0.77"},
        f"{PAPER}, Figure 5, 10 runs",
    ),
    Published("the paper, NIPS version", {"100": "9.71"}, "Siddharth et al. 2017 (NIPS)"),
    Published(
        "M2",
        {"100": "11.97 ± 1.71", "600": "4.94 ± 0.13", "1000": "3.60 ± 0.56", "3000": "3.92 ± 0.63"},
        f"Kingma et al. 2014, as printed in {PAPER}, Figure 5",
    ),
    Published("M1+M2", {"100": "3.33 ± 0.14", "1000": "2.40 ± 0.02"}, "Kingma et al. 2014, Table 1"),
    Published("ADGM", {"100": "0.96 ± 0.02"}, "Maaløe et al. 2016, Table 1"),
    Published("SDGM", {"100": "1.32 ± 0.07"}, "Maaløe et al. 2016, Table 1"),
)
SVHN = (
    Published("the paper, 73,257 rows", {"1000": "30.32 ± 2.74", "3000": "23.98 ± 1.83"}, f"{PAPER}, Figure 5"),
    Published("M1+M2", {"1000": "36.02 ± 0.10"}, f"Kingma et al. 2014, as printed in {PAPER}, Figure 5"),
    Published("ADGM", {"1000": "22.86"}, "Maaløe et al. 2016, Table 2"),
    Published("SDGM", {"1000": "16.61"}, "Maaløe et al. 2016, Table 2"),
)
IDENTITY = (
    Published("the paper", {"60": "10.3 ± 2.36", "all": "4.2 ± 0.84"}, f"{PAPER}, Figure 7"),
    Published("Jampani et al. 2015", {"all": "≈ 30"}, f"estimated from a plot in {PAPER}, Figure 7"),
)
LIGHT = (
    Published("the paper", {"60": "28.4 ± 4.12", "all": "14.2 ± 1.12"}, f"{PAPER}, Figure 7"),
    Published("Jampani et al. 2015", {"all": "≈ 10"}, f"estimated from a plot in {PAPER}, Figure 7"),
)
MULTI_MNIST = (
    Published("the paper, no labels", {"0": "32.25 ± 12.97"}, f"{PAPER}, Figure 8"),
    Published("the paper, 1 %", {"500": "6.42 ± 2.15", "1000": "4.72 ± 1.60"}, f"{PAPER}, Figure 8"),
    Published("the paper, 10 %", {"500": "4.21 ± 1.29", "1000": "2.98 ± 0.93"}, f"{PAPER}, Figure 8"),
)
