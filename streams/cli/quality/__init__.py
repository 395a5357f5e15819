"""Quality: how well questions are answered, and by which settings or model better."""
