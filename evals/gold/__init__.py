"""The gold set: questions of users with the pages that answer them, and its checker.

``questions.jsonl``: the dataset form of ``evals.retrieval`` (question, language, manuals, pages,
must_contain, category, machine) and ``id``, ``difficulty``, ``split`` ("tune" or "held_out", on
which nothing is ever tuned), ``answer``, ``passage`` (verbatim on one of the pages) and ``values``.
A question without manuals has no answer. ``machine`` is the machine that the user has in scope,
empty when none is.

``notices.jsonl``: places whose answer must come with exactly these signal-word boxes or more of the
same machine. A notice's text has a line break where a new paragraph begins; compare with white
space collapsed.
"""
