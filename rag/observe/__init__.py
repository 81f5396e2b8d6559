"""What can be seen of the work: traces and ratings in MLflow, and the log.

``tracing`` keeps the order, ``ledger`` our own rows (the truth), ``trace`` the form of a trace,
``mlflow_client`` alone knows MLflow and is imported by the background thread only.
"""
