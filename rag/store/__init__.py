"""Where everything is kept: the library in SQLite, the vectors in Qdrant, in process or apart."""
