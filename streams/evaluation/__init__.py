"""Evaluation: how well questions find what answers them, measured as the answering room would retrieve."""
