"""Asking: questions sent, found again by their ids, and followed to their ends."""
