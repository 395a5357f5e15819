"""Cutting: from a document, whatever it is written in, to the chunks of its text."""
