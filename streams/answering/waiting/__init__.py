"""Waiting: who is let in and when, how long a question has, and what is done meanwhile."""
