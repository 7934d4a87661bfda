-- name: take_token(name, per_second, burst)$
-- Take one token of a bucket, full when it is new, and return the tokens left; below 0 the taker waits for its own.
INSERT INTO rate_limit AS bucket (name, tokens, counted_at)
VALUES (:name, :burst::double precision - 1, clock_timestamp())
ON CONFLICT (name) DO UPDATE
SET tokens = least(
        :burst::double precision,
        bucket.tokens
            + greatest(0, extract(epoch FROM clock_timestamp() - bucket.counted_at)) * :per_second::double precision
    ) - 1,
    counted_at = greatest(bucket.counted_at, clock_timestamp())
RETURNING tokens;

-- name: drain_bucket(name, owed)!
-- Nobody may call for a while: no burst is left, and so many tokens are owed.
INSERT INTO rate_limit AS bucket (name, tokens, counted_at)
VALUES (:name, -:owed::double precision, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET tokens = least(bucket.tokens, 0) - :owed::double precision;
