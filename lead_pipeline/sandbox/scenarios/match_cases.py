"""Cases in which the record is certain: found by external id, e-mail, LinkedIn or name with domain.

Cases that must go to a person are `review_cases`; cases about the value of a field are `value_cases`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lead_pipeline.sandbox.scenarios.dievio_rows import canonical_linkedin_url
from lead_pipeline.sandbox.scenarios.population import Person
from lead_pipeline.sandbox.scenarios.scenario import CaseOutcome, CaseRule
from lead_pipeline.sandbox.scenarios.stage import Case, Play, Stage

NICKNAMES: Final = (("Robert", "Bob"), ("William", "Bill"), ("Elizabeth", "Liz"), ("Michael", "Mike"))
SLIPS: Final = (("Matthew", "Mathew"), ("Sebastian", "Sebastan"), ("Catherine", "Catherin"))
PLACEHOLDERS: Final = ("n/a", "-", "unknown", "#N/A")
_OUR_FIELDS: Final = ("Dievio_Lead_ID__c", "LinkedIn_URL__c", "Company_Domain__c")


def _fills_blanks(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    lead_id = stage.org.add_lead(person, Phone=None, Title=None)
    return Play(
        row=stage.row(person),
        target_id=lead_id,
        changed_fields=("Phone", "Title", *_OUR_FIELDS),
        kept_fields=("LastName", "Company"),
        set_fields=(("Phone", person.phone_e164), ("Title", person.title)),
    )


def _fills_placeholders(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    lead_id = stage.org.add_lead(person, Phone=PLACEHOLDERS[turn])
    return Play(
        row=stage.row(person), target_id=lead_id, changed_fields=("Phone",), set_fields=(("Phone", person.phone_e164),)
    )


def _known_under(stage: Stage, turn: int, names: tuple[str, str]) -> Play:
    """A person whom the org knows by another form of the given name."""
    at_dievio, in_org = names
    family = stage.population.name_of("english")[1]
    person = stage.newcomer(turn, name=(at_dievio, family))
    lead_id = stage.org.add_lead(replace(person, given=in_org), Phone=None)
    return Play(row=stage.row(person), target_id=lead_id, changed_fields=("Phone",), kept_fields=("FirstName",))


def _nickname(stage: Stage, turn: int) -> Play:
    return _known_under(stage, turn, NICKNAMES[turn])


def _slip(stage: Stage, turn: int) -> Play:
    return _known_under(stage, turn, SLIPS[turn])


def _initial(stage: Stage, turn: int) -> Play:
    given = stage.population.name_of("german")[0]
    return _known_under(stage, turn, (given, f"{given[0]}."))


def _contact_with_blanks(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    contact_id = stage.org.add_contact(person, stage.account(person.company), Phone=None, Title=None)
    return Play(row=stage.row(person), target_id=contact_id, changed_fields=("Phone", "Title"), kept_fields=("Email",))


def _equal_contact(stage: Stage, turn: int) -> Play:
    person, enriched_at = stage.newcomer(turn), stage.earlier()
    contact_id = stage.org.add_synced("Contact", person, enriched_at, AccountId=stage.account(person.company))
    return Play(row=stage.unchanged_row(person, enriched_at), target_id=contact_id)


def _converted(stage: Stage, person: Person, contact_id: str, **values: object) -> str:
    return stage.org.add_lead(
        person,
        Status="Closed - Converted",
        IsConverted=True,
        ConvertedDate=stage.earlier().date().isoformat(),
        ConvertedAccountId=stage.account(person.company),
        ConvertedContactId=contact_id,
        **values,
    )


def _converted_lead(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    contact_id = stage.org.add_contact(person, stage.account(person.company), Title=None)
    _converted(stage, person, contact_id)
    return Play(row=stage.row(person), target_id=contact_id, changed_fields=("Title",))


def _converted_lead_by_id(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn, has_id=turn % 2 == 0)
    contact = replace(person, email=stage.population.free_email(person.given, person.family, person.company.domain))
    contact_id = stage.org.add_contact(contact, stage.account(person.company), Title=None)
    _converted(stage, person, contact_id, Dievio_Lead_ID__c=person.external_id)
    return Play(row=stage.row(person), target_id=contact_id, changed_fields=("Title",), kept_fields=("Email",))


def _merged_lead(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn, has_id=turn % 2 == 0)
    other = stage.population.free_email(person.given, person.family, person.company.domain)
    master_id = stage.org.add_lead(replace(person, email=other), Phone=None)
    stage.org.add_synced("Lead", person, stage.earlier(), IsDeleted=True, MasterRecordId=master_id)
    return Play(row=stage.row(person), target_id=master_id, changed_fields=("Phone",), kept_fields=("Email",))


def _own_email_changed(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn, has_id=turn % 2 == 0)
    lead_id = stage.org.add_synced("Lead", person, stage.earlier())
    now_at = replace(person, email=stage.population.free_email(person.given, person.family, person.company.domain))
    return Play(
        row=stage.row(now_at), target_id=lead_id, changed_fields=("Email",), set_fields=(("Email", now_at.email),)
    )


def _own_title_changed(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    lead_id = stage.org.add_synced("Lead", person, stage.earlier())
    promoted = replace(person, title=f"Group {person.title}")
    return Play(
        row=stage.row(promoted), target_id=lead_id, changed_fields=("Title",), set_fields=(("Title", promoted.title),)
    )


def _rep_corrected_email(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn, has_id=turn % 2 == 0)
    corrected = stage.population.free_email(person.given, person.family, person.company.domain)
    lead_id = stage.org.add_synced("Lead", person, stage.earlier(), Email=corrected, Phone=None)
    stage.org.touch_by_owner("Lead", lead_id)
    return Play(row=stage.row(person), target_id=lead_id, changed_fields=("Phone",), kept_fields=("Email",))


def _rep_typed_values(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    typed, _ = stage.population.phone(person.country.name)
    lead_id = stage.org.add_lead(person, Title="Met at trade fair, decides on budget", Phone=f"{typed} (mobile)")
    return Play(
        row=stage.row(person),
        target_id=lead_id,
        changed_fields=_OUR_FIELDS,
        kept_fields=("Title", "Phone", "Status", "OwnerId"),
    )


def _rep_typed_all(stage: Stage, turn: int) -> Play:
    person, enriched_at = stage.newcomer(turn), stage.earlier()
    typed, _ = stage.population.phone(person.country.name)
    lead_id = stage.org.add_synced(
        "Lead", person, enriched_at, Title="Call after 4 pm only", Phone=typed, Owner_Notes__c="Prefers e-mail"
    )
    stage.org.touch_by_owner("Lead", lead_id)
    return Play(
        row=stage.unchanged_row(person, enriched_at),
        target_id=lead_id,
        kept_fields=("Title", "Phone", "Owner_Notes__c"),
    )


def _linkedin_with_other_email(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    old = stage.population.free_email(person.given, person.family, person.company.domain)
    lead_id = stage.org.add_lead(
        replace(person, email=old), Phone=None, LinkedIn_URL__c=f"http://linkedin.com/in/{person.slug}/"
    )
    return Play(row=stage.row(person), target_id=lead_id, changed_fields=("Phone",), kept_fields=("Email",))


def _linkedin_after_marriage(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    born_as = replace(person, family=stage.population.name_of("dutch")[1])
    lead_id = stage.org.add_lead(born_as, Email=None, LinkedIn_URL__c=canonical_linkedin_url(person.slug))
    return Play(row=stage.row(person), target_id=lead_id, changed_fields=("Email",), kept_fields=("LastName",))


def _linkedin_pub_address(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    stem = person.slug.rsplit("-", 1)[0]
    first, middle, last = (f"{stage.rng.randrange(256, 4096):x}" for _ in range(3))
    slug = f"{stem}-{last}{middle}{first}"
    lead_id = stage.org.add_lead(person, Email=None, LinkedIn_URL__c=canonical_linkedin_url(slug))
    row = stage.row(person, linkedin_url=f"https://www.linkedin.com/pub/{stem}/{first}/{middle}/{last}")
    return Play(row=row, target_id=lead_id, changed_fields=("Email",))


def _name_and_domain(stage: Stage, turn: int) -> Play:
    person = stage.newcomer(turn)
    private = f"{person.slug}@gmail.com" if turn % 2 else None
    lead_id = stage.org.add_lead(person, Email=private, Phone=None)
    kept = ("Email",) if private else ("Company",)
    return Play(row=stage.row(person), target_id=lead_id, changed_fields=("Phone",), kept_fields=kept)


_U, _S = CaseOutcome.UPDATED, CaseOutcome.SKIPPED
_ID, _EM, _LI, _ND = CaseRule.EXTERNAL_ID, CaseRule.EMAIL, CaseRule.LINKEDIN, CaseRule.NAME_AND_DOMAIN
_TRACKED_NOTE: Final = "needs the scenario's earlier writes to tell our own value from a rep's"

MATCH_CASES: Final = (
    Case(name="email_on_lead", outcome=_U, play=_fills_blanks, count=12, rule=_EM),
    Case(name="placeholder_in_org_counts_as_blank", outcome=_U, play=_fills_placeholders, count=4, rule=_EM),
    Case(name="email_on_lead_nickname", outcome=_U, play=_nickname, count=4, rule=_EM),
    Case(name="email_on_lead_slip_in_name", outcome=_U, play=_slip, rule=_EM),
    Case(name="email_on_lead_initial", outcome=_U, play=_initial, rule=_EM),
    Case(name="email_on_contact", outcome=_U, play=_contact_with_blanks, count=6, rule=_EM, note="no new lead"),
    Case(name="email_on_equal_contact", outcome=_S, play=_equal_contact, count=4, rule=_ID, reason="no_change"),
    Case(name="converted_lead", outcome=_U, play=_converted_lead, count=4, rule=_EM, note="the lead stays frozen"),
    Case(name="converted_lead_by_external_id", outcome=_U, play=_converted_lead_by_id, rule=_ID),
    Case(name="merged_lead", outcome=_U, play=_merged_lead, count=4, rule=_ID, note="the master is followed"),
    Case(name="own_email_changed", outcome=_U, play=_own_email_changed, count=4, rule=_ID, note=_TRACKED_NOTE),
    Case(name="own_title_changed", outcome=_U, play=_own_title_changed, count=4, rule=_ID, note=_TRACKED_NOTE),
    Case(name="rep_corrected_email", outcome=_U, play=_rep_corrected_email, count=4, rule=_ID),
    Case(name="rep_typed_title_and_phone", outcome=_U, play=_rep_typed_values, count=4, rule=_EM),
    Case(name="rep_typed_everything_else_equal", outcome=_S, play=_rep_typed_all, reason="no_change", rule=_ID),
    Case(name="linkedin_equal_email_changed", outcome=_U, play=_linkedin_with_other_email, count=5, rule=_LI),
    Case(name="linkedin_equal_family_name_changed", outcome=_U, play=_linkedin_after_marriage, rule=_LI),
    Case(name="linkedin_pub_address", outcome=_U, play=_linkedin_pub_address, rule=_LI),
    Case(name="name_and_domain_one_candidate", outcome=_U, play=_name_and_domain, count=6, rule=_ND),
)  # fmt: skip
