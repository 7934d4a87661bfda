"""The packaged configuration says what the product promises."""

from datetime import timedelta

from lead_pipeline.config.loading import load_document
from lead_pipeline.domain.enrichment.policy import DEFAULT_MAX_AGE, parse_enrichment_policy


def test_the_packaged_defaults_are_the_promised_ones() -> None:
    policy = parse_enrichment_policy(load_document("enrichment"))

    assert policy.providers == ("dievio",)
    assert policy.batch_size == 20
    assert policy.max_age == DEFAULT_MAX_AGE
    assert policy.max_age["email"] == policy.max_age["phone"] == timedelta(days=180)
    assert policy.confidence.required("title") == 0.70
    assert policy.budget.warn_share == 0.80
    assert policy.retry.first_wait == timedelta(minutes=30)
    assert not any(policy.audience.wanted.values())
    assert policy.low_intent[0].values == {"training", "unpaid"}
