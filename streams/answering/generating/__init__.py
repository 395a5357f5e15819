"""Generating: the prompt, the model that is asked, and its reply as it comes."""
