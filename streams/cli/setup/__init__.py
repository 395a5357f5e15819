"""Setup: the topics, models, keys and schemas that everything else takes for granted."""
