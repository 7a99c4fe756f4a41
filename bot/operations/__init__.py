"""The verbs; the same for a click, a command and a timer."""
