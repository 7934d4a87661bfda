"""What is worth asking an enrichment provider, what its answers are worth, and how they change a lead. Pure.

`questions` is what the providers and the product say to each other, `reading` turns a delivered row into findings,
`selection` decides who is asked about and why, `merging` which finding a lead takes over, `budgets` what it may cost.
How a provider is spoken to belongs to its own package, in what order things happen to `services/enriching`.
"""
