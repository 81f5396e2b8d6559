"""Stand-ins for what a test machine does not have: an Ollama server, a model hub, a reranker."""
