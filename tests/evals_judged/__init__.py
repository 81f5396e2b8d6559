"""What needs ragas: run in the environment of evals/requirements.txt."""
