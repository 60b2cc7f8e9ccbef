"""Views: transformations that keep a row's labels."""

from unbraid.views.view import View
from unbraid.views.warp import Warp

__all__ = ["View", "Warp"]
