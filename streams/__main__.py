"""`python -m streams` is `rag-streams`."""

from streams.cli import main

if __name__ == "__main__":
    main()
