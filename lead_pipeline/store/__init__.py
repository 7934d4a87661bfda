"""The product's own Postgres: connections, schema, named queries and one module per family of tables.

Plain functions over rows. What the rows mean is decided in `domain`; in which order they are written, in `services`.
"""
