"""Retrieval: from a question to the passages that count now, and whether they can answer it."""
