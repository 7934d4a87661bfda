"""Cases that only a person may decide, and the look-alikes beside them that are nobody in the org.

Certain matches are `match_cases`; wrong values are `value_cases`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from lead_pipeline.sandbox.scenarios.dievio_rows import canonical_linkedin_url
from lead_pipeline.sandbox.scenarios.population import Person
from lead_pipeline.sandbox.scenarios.scenario import CaseOutcome, CaseRule
from lead_pipeline.sandbox.scenarios.stage import Case, Play, Stage
from lead_pipeline.sandbox.scenarios.word_lists import slugify

FAMILY_HOSTS: Final = ("gmx.de", "gmail.com", "outlook.com", "web.de")
SHORTEST_SLIPPED_NAME: Final = 7  # letters; one letter less still leaves a likeness of .88 and more
#: Given names that no nickname, initial or likeness brings together.
COUPLES: Final = (
    ("Anna", "Peter"), ("Joseph", "Margaret"), ("Hannah", "Oliver"), ("Karin", "Jens"), ("Dorothy", "Frank"),
    ("Beatrix", "Duncan"),
)  # fmt: skip


def _deleted_lead(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn, has_id=turn % 2 == 0)
    lead_id = stage.org.add_synced("Lead", person, stage.earlier(), IsDeleted=True)
    return Play(row=stage.row(person), target_id=lead_id)


def _id_on_another_person(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn, has_id=turn % 2 == 0)
    her, him = COUPLES[turn]
    other = stage.newcomer(turn, name=(him, stage.population.name_of("polish")[1]))
    lead_id = stage.org.add_lead(other, Dievio_Lead_ID__c=person.external_id)
    person = replace(person, given=her, family=stage.population.name_of("arabic")[1])
    return Play(row=stage.row(person), target_id=lead_id)


def _family_on_one_address(stage: Stage, turn: int) -> Play:
    her, him = COUPLES[turn]
    family = stage.population.name_of("german")[1]
    host = FAMILY_HOSTS[turn % len(FAMILY_HOSTS)]
    shared = f"{slugify(family)}.{slugify(her)}.und.{slugify(him)}@{host}"
    wife = replace(stage.newcomer(turn, name=(her, family)), email=shared)
    husband = replace(stage.newcomer(turn, name=(him, family)), email=shared)
    lead_id = stage.org.add_lead(wife)
    return Play(row=stage.row(husband), target_id=lead_id, kept_fields=("FirstName", "LastName", "Email"))


def _shared_address(stage: Stage, turn: int) -> Play:
    """Two colleagues with one mailbox, both known; the row is one of them."""
    first, second = COUPLES[turn]
    company = stage.employer(turn)
    one = stage.newcomer(turn, company=company, name=(first, stage.population.name_of("nordic")[1]))
    two = stage.newcomer(turn, company=company, name=(second, stage.population.name_of("japanese")[1]))
    shared = f"{slugify(one.family)}.{slugify(two.family)}@{company.domain}"
    lead_id = stage.org.add_lead(replace(one, email=shared))
    stage.org.add_lead(replace(two, email=shared))
    return Play(row=stage.row(replace(one, email=shared)), target_id=lead_id)


def _given_name_unknown(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    lead_id = stage.org.add_lead(person, FirstName=None)
    return Play(row=stage.row(person), target_id=lead_id)


def _linkedin_of_somebody_else(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    her, him = COUPLES[turn]
    other = stage.newcomer(turn, name=(him, stage.population.name_of("turkish")[1]))
    lead_id = stage.org.add_lead(other, LinkedIn_URL__c=canonical_linkedin_url(person.slug))
    person = replace(person, given=her, family=stage.population.name_of("italian")[1])
    return Play(row=stage.row(person), target_id=lead_id)


def _linkedin_on_two_leads(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    elsewhere = stage.newcomer(turn, name=(person.given, person.family))
    lead_id = stage.org.add_lead(person, Email=None, LinkedIn_URL__c=canonical_linkedin_url(person.slug))
    stage.org.add_lead(elsewhere, LinkedIn_URL__c=f"https://linkedin.com/in/{person.slug}")
    return Play(row=stage.row(person), target_id=lead_id)


def _two_of_one_name(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    father = stage.org.add_lead(person, Email=None, Title="Founder")
    stage.org.add_lead(person, Email=None, Title="Junior Partner")
    return Play(row=stage.row(person), target_id=father)


def _other_work_email(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    other = stage.population.free_email(person.given, person.family, person.company.domain)
    lead_id = stage.org.add_lead(replace(person, email=other))
    return Play(row=stage.row(person), target_id=lead_id, kept_fields=("Email",))


def _other_linkedin(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    profile = canonical_linkedin_url(f"{slugify(person.given)}-{slugify(person.family)}-{turn + 1:03d}")
    lead_id = stage.org.add_lead(person, Email=None, LinkedIn_URL__c=profile)
    return Play(row=stage.row(person), target_id=lead_id)


def _name_and_company(stage: Stage, turn: int) -> Play:
    """Same name at the same company, which the org writes without its legal form and without a domain."""
    person = stage.newcomer(turn)
    title = person.title if turn % 2 else "Assistant"
    lead_id = stage.org.add_lead(person, Company=person.company.name, Website=None, Email=None, Title=title)
    return Play(row=stage.row(person), target_id=lead_id)


def _slipped(stage: Stage, turn: int) -> tuple[Person, str]:
    """A person and the family name with one letter lost."""
    while True:
        family = stage.population.name_of("english")[1]
        if len(family) >= SHORTEST_SLIPPED_NAME and family.isalpha():
            middle = len(family) // 2
            return stage.newcomer(turn, name=("Stuart", family)), family[:middle] + family[middle + 1 :]


def _near_name(stage: Stage, turn: int) -> Play:
    person, slip = _slipped(stage, turn)
    lead_id = stage.org.add_lead(replace(person, family=slip), Email=None)
    return Play(row=stage.row(person), target_id=lead_id)


def _near_name_contact(stage: Stage, turn: int) -> Play:
    person, slip = _slipped(stage, turn)
    contact_id = stage.org.add_contact(replace(person, family=slip), stage.account(person.company), Email=None)
    return Play(row=stage.row(person), target_id=contact_id)


def _moved_with_phone(stage: Stage, turn: int) -> Play:
    before = stage.newcomer(turn)
    lead_id = stage.org.add_lead(before)
    after = stage.newcomer(turn, name=(before.given, before.family))
    row = stage.row(replace(after, phone=before.phone, phone_e164=before.phone_e164))
    return Play(row=row, target_id=lead_id, kept_fields=("Company", "Email"))


def _moved_with_private_email(stage: Stage, turn: int) -> Play:
    before = stage.newcomer(turn)
    private = f"{before.slug}@gmail.com"
    lead_id = stage.org.add_lead(before, Email=private)
    after = stage.newcomer(turn, name=(before.given, before.family))
    row = stage.row(after, raw={"personal_emails": [private]})
    return Play(row=row, target_id=lead_id, kept_fields=("Company", "Email"))


def _namesake(stage: Stage, turn: int) -> Play:
    known = stage.newcomer(turn)
    stage.org.add_lead(known)
    return Play(row=stage.row(stage.newcomer(turn, name=(known.given, known.family))))


def _nobody_can_be_told(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    return Play(row=stage.row(person, email=None, email_status=None, linkedin_url=None, company_domain=None))


def _review(
    name: str, play: Callable[[Stage, int], Play], *, rule: CaseRule | None, reason: str, count: int = 3
) -> Case:
    return Case(name=name, outcome=CaseOutcome.REVIEW, play=play, count=count, rule=rule, reason=reason)


_ID, _EM, _LI, _ND = CaseRule.EXTERNAL_ID, CaseRule.EMAIL, CaseRule.LINKEDIN, CaseRule.NAME_AND_DOMAIN
_NC, _NN, _JM = CaseRule.NAME_AND_COMPANY, CaseRule.NEAR_NAME, CaseRule.JOB_CHANGE

REVIEW_CASES: Final = (
    _review("deleted_lead", _deleted_lead, rule=_ID, reason="record_gone", count=4),
    _review("external_id_on_another_person", _id_on_another_person, rule=_ID, reason="id_on_other_person"),
    _review("family_on_one_address", _family_on_one_address, rule=_EM, reason="names_conflict", count=6),
    _review("several_people_share_the_address", _shared_address, rule=_EM, reason="several_candidates", count=4),
    _review("given_name_missing_in_org", _given_name_unknown, rule=_EM, reason="names_missing"),
    _review("linkedin_names_conflict", _linkedin_of_somebody_else, rule=_LI, reason="names_conflict"),
    _review("linkedin_on_two_leads", _linkedin_on_two_leads, rule=_LI, reason="several_candidates"),
    _review("name_and_domain_several", _two_of_one_name, rule=_ND, reason="several_candidates"),
    _review("name_and_domain_other_work_email", _other_work_email, rule=_ND, reason="work_email_differs", count=4),
    _review("name_and_domain_other_linkedin", _other_linkedin, rule=_ND, reason="linkedin_differs"),
    _review("name_and_company_only", _name_and_company, rule=_NC, reason="name_and_company_only", count=6),
    _review("near_name_same_domain", _near_name, rule=_NN, reason="near_name", count=4),
    _review("near_name_of_a_contact", _near_name_contact, rule=_NN, reason="near_name"),
    _review("job_mover_same_phone", _moved_with_phone, rule=_JM, reason="may_have_changed_job", count=5),
    _review("job_mover_same_private_email", _moved_with_private_email, rule=_JM, reason="may_have_changed_job"),
    _review("weak_identity", _nobody_can_be_told, rule=None, reason="weak_identity", count=4),
    Case(
        name="namesake_elsewhere",
        outcome=CaseOutcome.CREATED,
        play=_namesake,
        count=6,
        note="same name, another person",
    ),
)
