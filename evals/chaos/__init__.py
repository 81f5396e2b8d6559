"""Chaos: the real app, with everything around it killed, slowed and broken in turn.

``app`` starts and kills it. ``scenarios`` breaks its surroundings one by one (``language_model``,
``clock``); ``kills`` kills the app itself under a ``mixed_load`` and looks what ``remains`` of
everything that it had acknowledged.
"""
