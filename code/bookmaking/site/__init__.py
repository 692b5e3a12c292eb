"""Sphinx extensions for the site as a whole: head, addresses, weight, and what others find it by."""
