"""Ready-made worlds for the sandbox: what the org holds, what Dievio sells, and what must become of each row.

Pure data from a seed: no clock, no network, no randomness outside the given seed. Serving the rows is `dievio_api`,
holding the records is `salesforce_org`; how the pipeline decides is not known here, only what it must decide.
"""
