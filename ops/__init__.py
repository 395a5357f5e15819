"""What running rag-streams needs beside the program: images, native servers."""
