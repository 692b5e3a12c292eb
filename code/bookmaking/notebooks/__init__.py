"""Write a page of the book as a notebook that runs without this repository.

The page's resolved document tree becomes cells (`assemble`), its prose Markdown (`markdown`), and the modules
it imports travel in cells of their own (`carried`), together with two short functions (`runtime`).
Source: CONTRIBUTING.md, section "Notebooks".
"""
