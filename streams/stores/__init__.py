"""Where documents are held and found: Weaviate, or SQLite in one file, behind one contract."""
