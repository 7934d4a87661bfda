-- The limit that a paid call was seen to fit when it was booked, so that an audit can hold the ledger against it however the
-- configuration changes: of a search that of the batch's search, of enrichment that of the day. Null: booked before this.
ALTER TABLE credit_ledger ADD COLUMN budget_credits integer;
