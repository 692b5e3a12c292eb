"""The ground floor: what a page's outputs depend on, where they are kept, and what all above may ask."""
