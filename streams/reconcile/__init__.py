"""What the change topics say against what the index holds: compared, told, mended."""
