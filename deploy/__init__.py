"""The only place that builds things: servers, functions, command line and sandbox."""
