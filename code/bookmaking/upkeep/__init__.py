"""What keeps the book alive: other versions, notebooks elsewhere, publishing, serving."""
