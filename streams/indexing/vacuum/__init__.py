"""The vacuum: what no current head lists any more is deleted, in the background."""
