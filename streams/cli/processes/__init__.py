"""Processes: started until they are told to stop, and asked how they are."""
