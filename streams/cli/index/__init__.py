"""The index as a whole: compared with its sources, and built anew."""
