"""The many: people Dievio sells without any trick, and the rest of the org around them.

Everything with a trick is in the case modules.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Final

from lead_pipeline.sandbox.scenarios.population import Company, Person
from lead_pipeline.sandbox.scenarios.scenario import CaseOutcome, CaseRule
from lead_pipeline.sandbox.scenarios.stage import Case, Play, Stage
from lead_pipeline.sandbox.scenarios.word_lists import WordLists

ACCOUNT_COUNT: Final = 600
CONTACT_COUNT: Final = 1_000
LEAD_COUNT: Final = 5_000
ROW_COUNT: Final = 1_000
UNCHANGED_COUNT: Final = 110
KNOWN_WITH_BLANKS_COUNT: Final = 60
CONVERTED_EVERY: Final = 8  # one contact in eight was a lead before
DELETED_EVERY: Final = 90
MERGED_EVERY: Final = 200
KNOWN_COMPANY_SHARE: Final = 0.35  # of new leads work where the org already knows somebody
MOST_COLLEAGUES: Final = 5
PRIVATE_EMAIL_SHARE: Final = 0.08
#: Share of a rep's leads that lack a field.
BLANK_SHARES: Final = {"Email": 0.08, "Phone": 0.3, "Title": 0.15, "Website": 0.4, "NumberOfEmployees": 0.5}
_COUNTRY_WEIGHTS: Final = {"United States": 8, "Germany": 6, "United Kingdom": 6, "Austria": 2, "Switzerland": 2}
_FILLABLE: Final = ("Phone", "Title", "City")
_NOTES: Final = ("Budget from January", "Wants a pilot first", "Knows us from the fair", "Call back in spring")


def _unchanged(stage: Stage, turn: int) -> Play:
    person, enriched_at = stage.newcomer(turn, has_id=turn % 4 == 0), stage.earlier()
    lead_id = stage.org.add_synced("Lead", person, enriched_at)
    return Play(row=stage.unchanged_row(person, enriched_at), target_id=lead_id)


def _with_blanks(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    blank = _FILLABLE[turn % len(_FILLABLE)]
    lead_id = stage.org.add_lead(person, **{"Phone": person.phone_e164, blank: None})
    return Play(row=stage.loose_row(person), target_id=lead_id, changed_fields=(blank,))


KNOWN_CASES: Final = (
    Case(
        name="known_unchanged",
        outcome=CaseOutcome.SKIPPED,
        play=_unchanged,
        count=UNCHANGED_COUNT,
        rule=CaseRule.EXTERNAL_ID,
        reason="no_change",
    ),
    Case(
        name="known_with_a_blank",
        outcome=CaseOutcome.UPDATED,
        play=_with_blanks,
        count=KNOWN_WITH_BLANKS_COUNT,
        rule=CaseRule.EMAIL,
    ),
)


def add_sales_staff(stage: Stage, count: int, *, inactive_every: int) -> None:
    """Hire the org's users, all of one company; some have left."""
    employer = stage.population.company("United States")
    for number in range(1, count + 1):
        person = stage.population.person(employer, department="sales")
        stage.org.add_user(person, is_active=number % inactive_every != 0)


def add_background(stage: Stage, words: WordLists) -> dict[str, list[Company]]:
    """Fill the org up to its size.

    Returns:
        The companies whose people the org knows, by country.
    """
    companies: dict[str, list[Company]] = defaultdict(list)
    customers = _add_accounts(stage, words, companies)
    _add_contacts(stage, customers)
    _add_leads(stage, words, companies)
    return companies


def new_lead_case(companies: dict[str, list[Company]], count: int) -> Case:
    """Give the case of ordinary people whom the org does not know, some at companies it does know."""

    def play(stage: Stage, turn: int) -> Play:
        country = stage.rng.choice(stage.segment(turn).countries)
        is_known = stage.rng.random() < KNOWN_COMPANY_SHARE
        company = stage.rng.choice(companies[country]) if is_known else stage.population.company(country)
        return Play(row=stage.loose_row(stage.newcomer(turn, company=company, has_id=turn % 5 == 0)))

    return Case(name="new_lead", outcome=CaseOutcome.CREATED, play=play, count=count)


def _add_accounts(stage: Stage, words: WordLists, companies: dict[str, list[Company]]) -> list[Company]:
    customers = []
    for _ in range(ACCOUNT_COUNT - len(stage.org.records["Account"])):
        company = _found_company(stage, words)
        stage.account(company)
        companies[company.country.name].append(company)
        customers.append(company)
    return customers


def _add_contacts(stage: Stage, customers: list[Company]) -> None:
    for number in range(CONTACT_COUNT - len(stage.org.records["Contact"])):
        company = stage.rng.choice(customers)
        person = stage.population.person(company)
        account_id = stage.account(company)
        contact_id = stage.org.add_contact(person, account_id, **_blanks(stage.rng, ("Phone", "Title")))
        if number % CONVERTED_EVERY == 0:
            stage.org.add_lead(
                person,
                Status="Closed - Converted",
                IsConverted=True,
                ConvertedDate=stage.earlier().date().isoformat(),
                ConvertedAccountId=account_id,
                ConvertedContactId=contact_id,
            )


def _add_leads(stage: Stage, words: WordLists, companies: dict[str, list[Company]]) -> None:
    leads = stage.org.records["Lead"]
    while len(leads) < LEAD_COUNT:
        company = _found_company(stage, words)
        companies[company.country.name].append(company)
        for _ in range(stage.rng.randint(1, MOST_COLLEAGUES)):
            if len(leads) < LEAD_COUNT:
                _add_lead(stage, stage.population.person(company), len(leads))


def _add_lead(stage: Stage, person: Person, number: int) -> None:
    rng, org = stage.rng, stage.org
    values = _blanks(rng, tuple(BLANK_SHARES))
    if "Email" not in values and rng.random() < PRIVATE_EMAIL_SHARE:
        values["Email"] = f"{person.slug}@gmail.com"
    if rng.random() < PRIVATE_EMAIL_SHARE:
        values["Qualification_Notes__c"] = rng.choice(_NOTES)
    if number % DELETED_EVERY == 0:
        values["IsDeleted"] = True
    if number % MERGED_EVERY == 1 and number < LEAD_COUNT - 1:
        values |= {"IsDeleted": True, "MasterRecordId": org.add_lead(person)}
    org.add_lead(person, **values)


def _blanks(rng: random.Random, fields: tuple[str, ...]) -> dict[str, object]:
    return {field: None for field in fields if rng.random() < BLANK_SHARES[field]}


def _found_company(stage: Stage, words: WordLists) -> Company:
    names = tuple(words.countries)
    weights = [_COUNTRY_WEIGHTS.get(name, 1) for name in names]
    return stage.population.company(stage.rng.choices(names, weights)[0])
