"""Who may do what: accounts, roles, pseudonyms, the secret they hang on, and the login limit.

The server decides; whatever the browser sends is only a wish. ``caller`` says who is asking.
"""
