"""Pictures of a model and of its training; each is a matplotlib `Figure` with a caption that says how to read it."""

from unbraid.figures.analogies import analogies
from unbraid.figures.confusion import confusion
from unbraid.figures.curves import curves
from unbraid.figures.graph import draw_graph, draw_model
from unbraid.figures.labelled import labelled
from unbraid.figures.mermaid import mermaid
from unbraid.figures.reconstructions import reconstructions
from unbraid.figures.run import figures_for_run
from unbraid.figures.samples import samples
from unbraid.figures.save import caption_in, png_bytes, save
from unbraid.figures.style import caption_of
from unbraid.figures.traversal import traversal

__all__ = [
    "analogies",
    "caption_in",
    "caption_of",
    "confusion",
    "curves",
    "draw_graph",
    "draw_model",
    "figures_for_run",
    "labelled",
    "mermaid",
    "png_bytes",
    "reconstructions",
    "samples",
    "save",
    "traversal",
]
