"""Capture: a pass through a graph, written down as one straight line of torch calls and replayed."""

from unbraid.capture.capturable import capturable
from unbraid.capture.captures import Captures

__all__ = ["Captures", "capturable"]
