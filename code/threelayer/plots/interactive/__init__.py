"""Figures that the reader moves: arrays in, a Plotly figure out as a plain dict, and no training anywhere.

The site draws them with its own copy of Plotly's script and native sliders (`book/_static/interactive.js`).
Source: chapter "four_dimensions".
"""

from threelayer.plots.interactive.parts import MIME_TYPE, Interactive
from threelayer.plots.interactive.planes import epoch_explorer, slice_explorer
from threelayer.plots.interactive.space import isosurfaces, volumes

__all__ = ["MIME_TYPE", "Interactive", "epoch_explorer", "isosurfaces", "slice_explorer", "volumes"]
