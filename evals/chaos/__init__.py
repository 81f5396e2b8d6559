"""Chaos: the real app, with everything around it killed, slowed and broken in turn.

``app`` starts and kills it, ``scenarios`` breaks its surroundings one by one, ``kills`` kills the
app itself under mixed load and looks what became of everything that it had acknowledged.
"""
