"""The book without a server: set by XeLaTeX, or packed into one file."""
