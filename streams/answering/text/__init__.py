"""Text: its words, sentences and language, about how many tokens it has, and what makes it harmless. Pure."""
