"""The reference pages that are made from the code: settings, topics, metrics, the command line."""
