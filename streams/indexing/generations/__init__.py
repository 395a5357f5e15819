"""Generations: an index built beside the live one, kept up with it, and taken into use in its place."""
