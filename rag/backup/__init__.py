"""A copy of everything Millwright keeps, and the way back: ``python -m rag.backup``.

An archive is a tar file. It holds the databases as they were at one moment, every file that they
name, the secret of the log-ins, and last ``manifest.json`` with a checksum of each: an archive
without its last member is not whole. What can be made again stays out: search index, page
pictures, Chainlit's own folder. The next start makes the vectors anew while BM25 answers.
"""
