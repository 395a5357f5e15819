"""Answering: a question in, its events out, made from the documents as they are now."""
