"""SOQL: from query text to rows.

`tokens` cuts, `parser` builds the tree of `syntax`, `compiler` turns it into SQLite text with bound parameters.
"""
