"""The API for scripts, under ``/api/v1`` in the process and on the port of the chat.

``app`` puts it together; ``access`` decides who may do what, before a body is read; ``questions``,
``library`` and ``pages`` are the routes; ``schemas`` says what goes in and out; ``event_stream``
sends answers as they come; ``errors`` turns whatever goes wrong into problem details;
``document`` describes it all (OpenAPI) and draws the page that people read.
"""
