"""Sphinx extensions for what stands on a page: claims, figures, references, citations."""
