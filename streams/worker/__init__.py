"""The workers' composition root: builds the parts from the settings, wires them, runs them."""
