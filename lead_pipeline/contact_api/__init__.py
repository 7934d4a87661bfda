"""The second provider of enrichment data: another party, with conventions of its own.

It matches people in bulk by profile, or by name and employer. Who is asked, and when, is decided in the services.
"""
