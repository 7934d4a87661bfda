"""What an org as a whole, the surroundings and the answers of the systems say about the next run.

Fields are `field_findings`. Nothing is asked here: the facts are passed in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from lead_pipeline.domain.findings import Finding, Severity
from lead_pipeline.domain.mapping import ObjectMapping
from lead_pipeline.domain.org_guard import OWNER_RULE, guard_rules

SCARCE_SHARE = 0.2  # of the daily calls; below it a night of ordinary size may not come to its end
MAX_SKEW = timedelta(seconds=60)  # signed sign-ins are refused beyond a few minutes
MAX_HIDDEN_SHARE = 0.01  # the total is an estimate that lags behind
BLIND_SHARE = 0.1  # so many hidden records are no lag
MEBIBYTE = 1024 * 1024
LOW_SPACE_BYTES = 2_048 * MEBIBYTE  # a night of 10,000 leads and its log take some hundred MiB
LEAST_SPACE_BYTES = 256 * MEBIBYTE
OLDEST_POSTGRES = 130_000  # version number of Postgres 13; older ones lack features that the tables use
EDITIONS_WITHOUT_API = frozenset({"Team Edition", "Personal Edition", "Group Edition", "Base Edition"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectAccess:
    """What the integration user may do with the records of an object."""

    may_create: bool
    may_update: bool
    may_delete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgFacts:
    """What an org told about itself.

    Attributes:
        edition: Salesforce's word for it.
        is_sandbox: Whether it is a test org.
        daily_calls: Calls that the org may take a day.
        calls_left: Of these, how many are left.
        access: Object -> what our user may do.
        visible_counts: Object -> records that our user sees.
        total_counts: Object -> records that there are.
        duplicate_rules: Names of the active duplicate rules of leads; None where our user may not see them.
        assignment_rules: Names of the active assignment rules of leads; None as above.
        tracked_fields: Fields of leads whose history the org keeps; None as above.
        queues: Developer names of the queues that may own leads.
        clock_skew: The org's time less ours; None where no answer told.
        active_rules: Names of the active validation rules of leads.
    """

    edition: str
    is_sandbox: bool
    daily_calls: int
    calls_left: int
    access: Mapping[str, ObjectAccess]
    visible_counts: Mapping[str, int] = field(default_factory=dict)
    total_counts: Mapping[str, int] = field(default_factory=dict)
    duplicate_rules: Collection[str] | None = None
    assignment_rules: Collection[str] | None = None
    tracked_fields: Collection[str] | None = None
    queues: Collection[str] = ()
    clock_skew: timedelta | None = None
    active_rules: Collection[str] = ()

    @property
    def has_owner_guard(self) -> bool:
        """Whether the org itself guards the owners of leads."""
        return OWNER_RULE in self.active_rules


def examine_org(facts: OrgFacts, *, queues_needed: Collection[str]) -> Iterator[Finding]:
    """Yield what is wrong with an org beside its fields.

    Args:
        facts: What the org told.
        queues_needed: Developer names of the queues that the routing names.
    """
    yield from _examine_limits(facts)
    yield from _examine_access(facts)
    yield from _examine_sight(facts)
    yield from _examine_rules(facts)
    for name in queues_needed:
        if name not in facts.queues:
            yield Finding(
                code="queue_missing",
                severity=Severity.WARNING,
                subject=f"queue {name}",
                what="there is no queue of this developer name that may own leads",
                why="the integration user itself keeps the leads that should wait there",
                repair=f"Create a queue with the developer name {name} for the object Lead, or name another in "
                "routing.yaml",
            )


def refuse_system(system: str, message: str, *, setting: str) -> Finding:
    """Return the finding about a system that does not answer or refuses us; `message` is the error's own sentence."""
    return Finding(
        code="system_refused",
        severity=Severity.ERROR,
        subject=system,
        what=message,
        why="nothing can be read or written without it",
        repair=f"Check {setting}, then run `lead-pipeline doctor` again",
    )


def note_untested_key() -> Finding:
    """Return the finding about a Dievio key that nobody tried: every call that needs one may cost credits."""
    return Finding(
        code="key_untested",
        severity=Severity.NOTE,
        subject="Dievio",
        what="somebody answers at the address; the key was not tried",
        why="Dievio documents no call that needs the key and costs nothing",
        repair="Run a saved search with a small credit_budget first; a wrong key stops it before it is billed",
    )


def examine_history(tracked: Collection[str] | None, *, contested: Collection[str]) -> Iterator[Finding]:
    """Yield whether the org keeps the history of fields that both we and people change.

    Args:
        tracked: Fields of leads whose history it keeps; None where our user may not see it.
        contested: Such fields.
    """
    untracked = [name for name in contested if name not in (tracked or ())]
    if untracked:
        unseen = "does not show our user whether it keeps the history of"
        seen = "keeps no history of" if tracked is not None else unseen
        yield Finding(
            code="history_untracked",
            severity=Severity.NOTE,
            subject="Lead",
            what=f"the org {seen} fields that we replace and people correct: {', '.join(untracked)}",
            why="reps see in Salesforce itself neither who changed a value nor what stood there; our log keeps 90 days",
            repair="In Setup, Object Manager, Lead, Fields & Relationships, Set History Tracking: tick them",
        )


def examine_conversion(*, keeps_id: bool | None) -> Iterator[Finding]:
    """Yield what conversions do to our id, as far as the mirror shows one.

    Args:
        keeps_id: Whether the contact of the lead that was converted last carries our id; None when none was converted.
    """
    if keeps_id is None:
        yield Finding(
            code="conversion_unseen",
            severity=Severity.NOTE,
            subject="Lead.Dievio_Lead_ID__c",
            what="no lead with our id has been converted yet, so whether its contact gets the id cannot be seen",
            why="a contact without it is found by address or profile only",
            repair="In Setup, Object Manager, Lead, Map Lead Fields: map it to the field of the same name on Contact",
        )
    elif not keeps_id:
        yield Finding(
            code="conversion_loses_id",
            severity=Severity.WARNING,
            subject="Lead.Dievio_Lead_ID__c",
            what="the contact that the last converted lead became does not carry our id",
            why="a contact without it is found by address or profile only, and a changed address makes a second record",
            repair="Deploy the package of `lead-pipeline org package`, or map the field in Setup, Map Lead Fields",
        )


def examine_space(free_bytes: int, *, place: str) -> Iterator[Finding]:
    """Yield whether the disk of a database on this machine is nearly full.

    Args:
        free_bytes: Bytes left to us.
        place: The directory.
    """
    if free_bytes < LOW_SPACE_BYTES:
        yield Finding(
            code="disk_full",
            severity=Severity.ERROR if free_bytes < LEAST_SPACE_BYTES else Severity.WARNING,
            subject="database",
            what=f"{free_bytes / MEBIBYTE:,.0f} MiB are left at {place}",
            why="a database without space ends every run in the middle",
            repair="Free space there, or name a database elsewhere in LEAD_PIPELINE_DATABASE_URL",
        )


def examine_database(version_number: int, *, may_create: bool, may_use_run_database: bool) -> Iterator[Finding]:
    """Yield what is wrong with the product's own database server.

    Args:
        version_number: As Postgres writes it, e.g. 160004.
        may_create: Whether our user may create tables.
        may_use_run_database: Whether Dagster's database is there for our user, or it may make it.
    """
    if not may_use_run_database:
        yield Finding(
            code="run_storage_missing",
            severity=Severity.ERROR,
            subject="database",
            what="Dagster's database `dagster` is not there for our user, and it may not create it",
            why="no run can begin: Dagster keeps its runs there",
            repair="Run `CREATE DATABASE dagster` on that server as an administrator and make our user its owner",
        )
    if version_number < OLDEST_POSTGRES:
        yield Finding(
            code="postgres_old",
            severity=Severity.ERROR,
            subject="database",
            what=f"Postgres {version_number // 10_000} is older than {OLDEST_POSTGRES // 10_000}",
            why="the tables use features that it does not have",
            repair="Name a newer server in LEAD_PIPELINE_DATABASE_URL",
        )
    if not may_create:
        yield Finding(
            code="postgres_locked",
            severity=Severity.ERROR,
            subject="database",
            what="our user may not create tables in the schema public",
            why="the next version could not bring its tables up to date",
            repair="GRANT CREATE ON SCHEMA public to the user of LEAD_PIPELINE_DATABASE_URL",
        )


def _examine_limits(facts: OrgFacts) -> Iterator[Finding]:
    if facts.edition in EDITIONS_WITHOUT_API:
        yield Finding(
            code="edition_without_api",
            severity=Severity.ERROR,
            subject="Salesforce",
            what=f"{facts.edition} has no API access",
            why="nothing can be read or written",
            repair="Use an org of Enterprise Edition or above, or buy API access",
        )
    if facts.calls_left < SCARCE_SHARE * facts.daily_calls:
        yield Finding(
            code="calls_scarce",
            severity=Severity.WARNING,
            subject="Salesforce",
            what=f"{facts.calls_left:,} of {facts.daily_calls:,} daily API calls are left",
            why="a run that reaches its share of them stops and goes on the next day",
            repair="Run later in the day's window, or find out who else uses them up (Setup, System Overview)",
        )
    if facts.clock_skew is not None and abs(facts.clock_skew) > MAX_SKEW:
        yield Finding(
            code="clock_skewed",
            severity=Severity.WARNING,
            subject="this machine",
            what=f"its clock and the org's differ by {abs(facts.clock_skew).total_seconds():.0f} seconds",
            why="signed sign-ins are refused, and times in the log mislead",
            repair="Set the clock of this machine by NTP",
        )


def _examine_access(facts: OrgFacts) -> Iterator[Finding]:
    needs = (("Lead", "create", "may_create"), ("Lead", "update", "may_update"), ("Contact", "update", "may_update"))
    for name, word, attribute in needs:
        if name in facts.access and not getattr(facts.access[name], attribute):
            yield Finding(
                code=f"may_not_{word}",
                severity=Severity.ERROR,
                subject=name,
                what=f"the integration user may not {word} records",
                why="every write would be refused",
                repair=f"Give {word} access to {name} in the permission set of the integration user",
            )
    for name, access in facts.access.items():
        if access.may_delete:
            yield Finding(
                code="may_delete",
                severity=Severity.WARNING,
                subject=name,
                what="the integration user may delete records",
                why="this product never deletes; what it may not do, nobody can do with its credentials",
                repair=f"Take delete access to {name} away from the integration user",
            )


def _examine_sight(facts: OrgFacts) -> Iterator[Finding]:
    for name, total in facts.total_counts.items():
        hidden = total - facts.visible_counts.get(name, total)
        if hidden > MAX_HIDDEN_SHARE * total:
            yield Finding(
                code="records_hidden",
                severity=Severity.ERROR if hidden > BLIND_SHARE * total else Severity.WARNING,
                subject=name,
                what=f"the integration user sees {total - hidden:,} of {total:,} records",
                why="people whose record is hidden would get a second one",
                repair=f"Give the integration user View All on {name}",
            )


def _examine_rules(facts: OrgFacts) -> Iterator[Finding]:
    if facts.duplicate_rules is None or facts.assignment_rules is None:
        yield Finding(
            code="rules_unseen",
            severity=Severity.NOTE,
            subject="Lead",
            what="the integration user may not see duplicate or assignment rules",
            why="where they differ from ours cannot be told",
            repair="Look at them in Setup, or give the user View Setup for one run of the doctor",
        )
    if facts.duplicate_rules is not None and not facts.duplicate_rules:
        yield Finding(
            code="no_duplicate_rule",
            severity=Severity.WARNING,
            subject="Lead",
            what="no duplicate rule is active",
            why="Salesforce is the last layer that stops a second record of a person who is entered meanwhile",
            repair="Activate a duplicate rule for Lead that also compares with Contact",
        )
    yield from _tell_rules(facts)


def _tell_rules(facts: OrgFacts) -> Iterator[Finding]:
    """Yield what is active in the org and does something else than we do."""
    for name in sorted(facts.duplicate_rules or ()):
        yield Finding(
            code="duplicate_rule_active",
            severity=Severity.NOTE,
            subject=f"Lead, {name}",
            what="the duplicate rule is active and never bypassed",
            why="it compares names and companies loosely; we link by id, address, profile or name and domain only, so "
            "it may refuse a new lead that our rules take for another person",
            repair="Nothing: such leads are asked about in the review queue (DUPLICATES_DETECTED)",
        )
    for name in sorted(facts.assignment_rules or ()):
        yield Finding(
            code="assignment_rule_active",
            severity=Severity.NOTE,
            subject=f"Lead, {name}",
            what="the assignment rule is active",
            why="our writes ask for none of it (Sforce-Auto-Assign: FALSE): owners come from routing.yaml",
            repair="Nothing, if routing.yaml says what the rule says",
        )
    if not facts.has_owner_guard:
        yield Finding(
            code="no_owner_guard",
            severity=Severity.NOTE,
            subject="Lead",
            what="the org has no validation rule that guards owners against the integration",
            why="leads are handed over one conditional call at a time instead of in bulk",
            repair="Deploy the package of `lead-pipeline org package` (docs/org_setup.md)",
        )


def examine_guard(mapping: ObjectMapping, active_rules: Collection[str]) -> Iterator[Finding]:
    """Yield what keeps large updates of an object from going through jobs, as of a package of an earlier version."""
    needed = {rule.name for rule in guard_rules(mapping)}
    if missing := needed - set(active_rules):
        yield Finding(
            code="update_guard_incomplete",
            severity=Severity.NOTE,
            subject=mapping.object_name,
            what=f"{len(missing)} of the {len(needed)} validation rules that guard values against the integration are "
            "missing or inactive",
            why="updates go 25 to a call, however many they are, instead of more than 200 of them in bulk",
            repair="Deploy the package of `lead-pipeline org package` (docs/org_setup.md)",
        )
