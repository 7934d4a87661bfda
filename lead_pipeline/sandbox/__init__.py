"""Real servers on the loopback that behave like the outside systems: for tests, for the demo and for trying things out.

Everything in here stands alone and imports nothing of the product, so that the product cannot tell a sandbox from the
real thing. What the product itself does belongs in the packages beside this one.
"""
