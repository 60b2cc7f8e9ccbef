"""What cannot be computed for several runs together."""

from __future__ import annotations


class UnbatchableError(Exception):
    """Says why runs cannot be computed together; it never reaches the user, who gets another way or an OptionError."""
