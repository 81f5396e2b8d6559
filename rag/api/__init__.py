"""The HTTP side of the browser door: Chainlit's own server with our routes and guards in front."""
