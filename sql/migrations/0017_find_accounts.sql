-- Which Account of the org is a lead's company, as the plan found it; only where companies.yaml asks for a look-up.
CREATE TABLE account_match (
    batch_id        text NOT NULL,
    dievio_lead_id  text NOT NULL,
    finding         text NOT NULL CHECK (finding IN ('domain', 'name', 'several', 'none')),
    account_id      text CHECK ((account_id IS NOT NULL) = (finding IN ('domain', 'name'))),
    candidate_count integer NOT NULL,
    found_at        timestamptz NOT NULL,
    PRIMARY KEY (batch_id, dievio_lead_id)
);
