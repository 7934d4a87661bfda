"""B2B leads from Dievio into Salesforce without losing data quality, and the proof after every run."""
