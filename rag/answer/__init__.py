"""From passages to an answer a technician can trust: ``ask.py`` tells the story.

``ask`` understands the question (``follow_up``), finds passages (``rag.retrieve``), shows the
safety notices that belong (``safety``), fits the prompt to the window (``prompt``, ``budget``),
lets the model write or quotes (``quote``), and lets nothing through unread: markup is cleaned
(``clean``), values and citations are checked sentence by sentence (``gate``, ``numbers``,
``cite``). What was done is kept (``provenance``).
"""
