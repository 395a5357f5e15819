"""The guard: what others wrote is searched for instructions to the model, what the model writes for leaks.

All of it is pure functions of text: no model is asked, so that it takes milliseconds and can't be talked
round. What it can't see is said in docs/how-to/guard.md.
"""
