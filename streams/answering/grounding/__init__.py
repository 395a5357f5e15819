"""Grounding: what an answer cites, whether that says what the answer says, and answers that are quotes."""
