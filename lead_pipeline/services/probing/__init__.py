"""Trying in a test org and at Dievio what their documents leave open."""
