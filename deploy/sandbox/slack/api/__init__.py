"""The Web API's methods, by subject; each is a function of a `Call`."""
