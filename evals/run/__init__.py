"""One experiment: questions × settings, measured, kept and shown.

plan.py      which settings, and what makes two runs the same
measure.py   one question through ``ask``: what came, and its metrics
journal.py   finished rows on disk, so that a killed run goes on where it stopped
execute.py   all rows of a setting, some at a time, with progress
track.py     MLflow: a parent run, a child per setting, tables, artefacts, traces
results.py   rows summed up with their intervals
judging.py   the judged metrics of finished rows, when a judge is named
"""
