"""The gold set: questions of users with the pages that answer them, and its checker."""
