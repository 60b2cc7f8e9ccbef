"""One HTML file that says what was trained, on which labels, and how well it does."""

from unbraid.report.write import write_report

__all__ = ["write_report"]
