"""The browser door: shows in Chainlit what ``ask`` and ``ingest_manual`` report. No RAG logic."""
