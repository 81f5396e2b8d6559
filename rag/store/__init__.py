"""Where everything is kept: the library in SQLite or PostgreSQL, the vectors in Qdrant, both in
process or apart."""
