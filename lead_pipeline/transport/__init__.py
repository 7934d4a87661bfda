"""What every HTTP adapter shares: bounded retries, a rate limit, allowed hosts, and no secrets in logs.

What a system's answer means belongs to the system's own package.
"""
