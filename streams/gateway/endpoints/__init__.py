"""Endpoints: what is asked for at each path, and what is said there; the console among them."""
