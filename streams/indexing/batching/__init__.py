"""Batching: concurrent calls of the store and of the embedding model made into few."""
