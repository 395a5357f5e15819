"""The reference pages that are made from the code: settings, topics, the command line."""
