"""Statements with the verdict each must get: accepted with a number of rows, or refused with a code."""

from collections.abc import Iterator

import pytest

from lead_pipeline.sandbox.salesforce_org import Org
from lead_pipeline.sandbox.salesforce_org.catalogue import SalesforceFault
from lead_pipeline.sandbox.salesforce_org.ids import add_checksum
from lead_pipeline.sandbox.salesforce_org.org import Caller
from lead_pipeline.sandbox.salesforce_org.queries import count_rows, fetch
from lead_pipeline.sandbox.salesforce_org.soql.compiler import compile_query
from lead_pipeline.sandbox.salesforce_org.soql.names import World
from lead_pipeline_tests.sandbox.salesforce_org.conftest import NOON

LEAD_1, LEAD_2 = "00Q000000000001EAA", "00Q000000000002EAA"
ADMIN = "0055e0000000001AAA"
HOLDING = add_checksum("00G5e0000000001")
LEADS: list[dict[str, object]] = [
    {"Id": LEAD_1, "FirstName": "Ann", "LastName": "Arnold", "Company": "Acme", "Email": "ann@acme.example",
     "AnnualRevenue": 10.0, "NumberOfEmployees": 5, "Status": "Open - Not Contacted", "Rating": "Hot",
     "Dievio_Lead_ID__c": "d1", "CreatedDate": "2026-03-02T08:00:00.000+0000", "LeadSource": "Web"},
    {"Id": LEAD_2, "FirstName": "Émile", "LastName": "O'Brian", "Company": "Acme 100%", "Email": "e@acme.example",
     "AnnualRevenue": 20.0, "Status": "Open - Not Contacted", "Dievio_Lead_ID__c": "D1",
     "CreatedDate": "2026-03-01T08:00:00.000+0000", "LeadSource": "Web"},
    {"LastName": "Zed", "Company": "Zed_Co", "AnnualRevenue": None, "NumberOfEmployees": 7,
     "Status": "Working - Contacted", "CreatedDate": "2026-01-31T23:59:59.000+0000", "OwnerId": HOLDING},
    {"LastName": "Gone", "Company": "Gone", "IsDeleted": True, "CreatedDate": "2025-12-31T00:00:00.000+0000"},
]  # fmt: skip

ACCEPTED = {
    # select lists
    "SELECT Id FROM Lead": 3,
    "select id from lead": 3,
    "SELECT Id, Name FROM Lead": 3,
    "SELECT Id,Name,Company FROM Lead": 3,
    "SELECT\nId\nFROM\tLead": 3,
    "SELECT Lead.Id FROM Lead": 3,
    "SELECT l.Id, l.Name FROM Lead l": 3,
    "SELECT Id FROM Lead l WHERE l.Company = 'Acme'": 1,
    "SELECT Owner.Name FROM Lead": 3,
    "SELECT Owner.Name, Owner.Type, Owner.IsActive FROM Lead WHERE Owner.Type = 'Queue'": 1,
    "SELECT CreatedBy.Username, CreatedBy.Name FROM Lead": 3,
    "SELECT ConvertedContact.Account.Name FROM Lead": 3,
    "SELECT Address FROM Lead": 3,
    "SELECT MailingAddress, Account.BillingAddress FROM Contact": 0,
    "SELECT FIELDS(STANDARD) FROM Lead": 3,
    "SELECT FIELDS(ALL) FROM Lead LIMIT 200": 3,
    "SELECT FIELDS(CUSTOM) FROM Lead LIMIT 1": 1,
    "SELECT Id, FIELDS(CUSTOM) FROM Lead LIMIT 1": 1,
    # counting and aggregates
    "SELECT COUNT() FROM Lead": 3,
    "SELECT count() FROM Lead WHERE Company = 'Acme'": 1,
    "SELECT COUNT() FROM Lead LIMIT 2": 2,
    "SELECT COUNT(Id) FROM Lead": 1,
    "SELECT COUNT(Id) total FROM Lead": 1,
    "SELECT COUNT_DISTINCT(LeadSource) FROM Lead": 1,
    "SELECT SUM(AnnualRevenue), AVG(AnnualRevenue), MIN(AnnualRevenue), MAX(AnnualRevenue) FROM Lead": 1,
    "SELECT MIN(CreatedDate) first, MAX(LastName) last FROM Lead": 1,
    "SELECT Status, COUNT(Id) FROM Lead GROUP BY Status": 2,
    "SELECT Status FROM Lead GROUP BY Status": 2,
    "SELECT Status s, COUNT(Id) n FROM Lead GROUP BY Status": 2,
    "SELECT Status, LeadSource, COUNT(Id) FROM Lead GROUP BY Status, LeadSource": 2,
    "SELECT Owner.Name, COUNT(Id) FROM Lead GROUP BY Owner.Name": 2,
    "SELECT Status, COUNT(Id) FROM Lead GROUP BY Status HAVING COUNT(Id) > 1": 1,
    "SELECT Status FROM Lead GROUP BY Status HAVING Status LIKE 'Open%'": 1,
    "SELECT Status FROM Lead GROUP BY Status HAVING COUNT(Id) > 0 AND MAX(AnnualRevenue) >= 20": 1,
    "SELECT Status, COUNT(Id) FROM Lead GROUP BY Status ORDER BY COUNT(Id) DESC": 2,
    "SELECT Status FROM Lead GROUP BY Status ORDER BY Status NULLS LAST LIMIT 1": 1,
    # text
    "SELECT Id FROM Lead WHERE Company = 'acme'": 1,
    "SELECT Id FROM Lead WHERE FirstName = 'émile'": 1,
    "SELECT Id FROM Lead WHERE FirstName = 'ÉMILE'": 1,
    "SELECT Id FROM Lead WHERE LastName = 'O\\'Brian'": 1,
    "SELECT Id FROM Lead WHERE Company != 'Acme'": 2,
    "SELECT Id FROM Lead WHERE Company <> 'Acme'": 2,
    "SELECT Id FROM Lead WHERE FirstName != 'Ann'": 2,
    "SELECT Id FROM Lead WHERE FirstName = null": 1,
    "SELECT Id FROM Lead WHERE FirstName = NULL": 1,
    "SELECT Id FROM Lead WHERE FirstName != null": 2,
    "SELECT Id FROM Lead WHERE FirstName = ''": 1,
    "SELECT Id FROM Lead WHERE FirstName != ''": 2,
    "SELECT Id FROM Lead WHERE LastName > 'b'": 2,
    "SELECT Id FROM Lead WHERE LastName >= 'arnold'": 3,
    "SELECT Id FROM Lead WHERE LastName < 'B'": 1,
    "SELECT Id FROM Lead WHERE LastName <= 'ZED'": 3,
    "SELECT Id FROM Lead WHERE Company LIKE 'acme%'": 2,
    "SELECT Id FROM Lead WHERE Company LIKE '%100\\%'": 1,
    "SELECT Id FROM Lead WHERE Company LIKE 'Zed\\_Co'": 1,
    "SELECT Id FROM Lead WHERE Company LIKE 'Acm_'": 1,
    "SELECT Id FROM Lead WHERE FirstName LIKE '%'": 2,
    "SELECT Id FROM Lead WHERE NOT FirstName LIKE 'A%'": 2,
    "SELECT Id FROM Lead WHERE (NOT FirstName LIKE 'A%') AND Company LIKE '%c%'": 2,
    "SELECT Id FROM Lead WHERE Company = 'Ac\\u006De'": 1,
    "SELECT Id FROM Lead WHERE Company IN ('Acme', 'zed_co')": 2,
    "SELECT Id FROM Lead WHERE Company NOT IN ('Acme')": 2,
    "SELECT Id FROM Lead WHERE FirstName NOT IN ('Ann')": 2,
    "SELECT Id FROM Lead WHERE FirstName IN (null, 'Ann')": 2,
    "SELECT Id FROM Lead WHERE Email = 'ANN@ACME.EXAMPLE'": 1,
    # keys follow their own case rule
    "SELECT Id FROM Lead WHERE Dievio_Lead_ID__c = 'd1'": 1,
    "SELECT Id FROM Lead WHERE Dievio_Lead_ID__c IN ('d1', 'D1')": 2,
    # ids
    f"SELECT Id FROM Lead WHERE Id = '{LEAD_1}'": 1,
    f"SELECT Id FROM Lead WHERE Id = '{LEAD_1[:15]}'": 1,
    f"SELECT Id FROM Lead WHERE Id = '{LEAD_1.lower()}'": 1,
    f"SELECT Id FROM Lead WHERE Id IN ('{LEAD_1}', '{LEAD_2}')": 2,
    f"SELECT Id FROM Lead WHERE Id NOT IN ('{LEAD_1}')": 2,
    f"SELECT Id FROM Lead WHERE OwnerId = '{ADMIN}'": 2,
    "SELECT Id FROM Lead WHERE OwnerId != null": 3,
    "SELECT Id FROM Lead WHERE ConvertedContactId = null": 3,
    "SELECT Id FROM Lead WHERE ConvertedContactId = ''": 3,
    # numbers and booleans
    "SELECT Id FROM Lead WHERE AnnualRevenue > 10": 1,
    "SELECT Id FROM Lead WHERE AnnualRevenue >= 10.0": 2,
    "SELECT Id FROM Lead WHERE AnnualRevenue = 1e1": 1,
    "SELECT Id FROM Lead WHERE AnnualRevenue > -5": 2,
    "SELECT Id FROM Lead WHERE AnnualRevenue != 10": 2,
    "SELECT Id FROM Lead WHERE AnnualRevenue < 15": 1,
    "SELECT Id FROM Lead WHERE NOT AnnualRevenue < 15": 2,
    "SELECT Id FROM Lead WHERE NumberOfEmployees IN (5, 7)": 2,
    "SELECT Id FROM Lead WHERE NumberOfEmployees = null": 1,
    "SELECT Id FROM Lead WHERE IsConverted = false": 3,
    "SELECT Id FROM Lead WHERE IsConverted = TRUE": 0,
    "SELECT Id FROM Lead WHERE IsConverted != true": 3,
    "SELECT Id FROM Lead WHERE IsDeleted = true": 0,
    # moments and days; the clock shows 2026-03-02, a Monday
    "SELECT Id FROM Lead WHERE CreatedDate = TODAY": 1,
    "SELECT Id FROM Lead WHERE CreatedDate = YESTERDAY": 1,
    "SELECT Id FROM Lead WHERE CreatedDate < TODAY": 2,
    "SELECT Id FROM Lead WHERE CreatedDate <= TODAY": 3,
    "SELECT Id FROM Lead WHERE CreatedDate > YESTERDAY": 1,
    "SELECT Id FROM Lead WHERE CreatedDate >= YESTERDAY": 2,
    "SELECT Id FROM Lead WHERE CreatedDate != TODAY": 2,
    "SELECT Id FROM Lead WHERE CreatedDate = TOMORROW": 0,
    "SELECT Id FROM Lead WHERE CreatedDate = THIS_WEEK": 2,
    "SELECT Id FROM Lead WHERE CreatedDate = LAST_WEEK": 0,
    "SELECT Id FROM Lead WHERE CreatedDate = NEXT_WEEK": 0,
    "SELECT Id FROM Lead WHERE CreatedDate = THIS_MONTH": 2,
    "SELECT Id FROM Lead WHERE CreatedDate = LAST_MONTH": 0,
    "SELECT Id FROM Lead WHERE CreatedDate = NEXT_MONTH": 0,
    "SELECT Id FROM Lead WHERE CreatedDate = THIS_QUARTER": 3,
    "SELECT Id FROM Lead WHERE CreatedDate = LAST_QUARTER": 0,
    "SELECT Id FROM Lead WHERE CreatedDate = THIS_FISCAL_YEAR": 3,
    "SELECT Id FROM Lead WHERE CreatedDate = THIS_YEAR": 3,
    "SELECT Id FROM Lead WHERE CreatedDate = LAST_YEAR": 0,
    "SELECT Id FROM Lead WHERE CreatedDate = LAST_90_DAYS": 3,
    "SELECT Id FROM Lead WHERE CreatedDate = NEXT_90_DAYS": 0,
    "SELECT Id FROM Lead WHERE CreatedDate = LAST_N_DAYS:1": 2,
    "SELECT Id FROM Lead WHERE CreatedDate = N_DAYS_AGO:1": 1,
    "SELECT Id FROM Lead WHERE CreatedDate = NEXT_N_DAYS:3": 0,
    "SELECT Id FROM Lead WHERE CreatedDate = LAST_N_WEEKS:5": 1,
    "SELECT Id FROM Lead WHERE CreatedDate = LAST_N_MONTHS:2": 1,
    "SELECT Id FROM Lead WHERE CreatedDate = N_MONTHS_AGO:2": 1,
    "SELECT Id FROM Lead WHERE CreatedDate = LAST_N_QUARTERS:1": 0,
    "SELECT Id FROM Lead WHERE CreatedDate = LAST_N_YEARS:1": 0,
    "SELECT Id FROM Lead WHERE CreatedDate >= LAST_N_FISCAL_QUARTERS:1": 3,
    "SELECT Id FROM Lead WHERE CreatedDate >= 2026-03-01T08:00:00Z": 2,
    "SELECT Id FROM Lead WHERE CreatedDate > 2026-03-01T08:00:00.000Z": 1,
    "SELECT Id FROM Lead WHERE CreatedDate = 2026-03-01T10:00:00+02:00": 1,
    "SELECT Id FROM Lead WHERE CreatedDate = 2026-03-01T03:00:00-0500": 1,
    "SELECT Id FROM Lead WHERE CreatedDate IN (2026-03-01T08:00:00Z)": 1,
    "SELECT Id FROM Lead WHERE ConvertedDate = null": 3,
    "SELECT Id FROM Lead WHERE ConvertedDate > 2026-01-01": 0,
    "SELECT Id FROM Lead WHERE ConvertedDate = LAST_N_DAYS:30": 0,
    # logic
    "SELECT Id FROM Lead WHERE Company = 'Acme' AND FirstName = 'Ann'": 1,
    "SELECT Id FROM Lead WHERE Company = 'Acme' OR LastName = 'Zed'": 2,
    "SELECT Id FROM Lead WHERE Company = 'Acme' AND FirstName = 'Ann' AND Rating = 'Hot'": 1,
    "SELECT Id FROM Lead WHERE (Company = 'Acme' OR LastName = 'Zed') AND Rating = 'Hot'": 1,
    "SELECT Id FROM Lead WHERE Company = 'Acme' OR (LastName = 'Zed' AND Rating = null)": 2,
    "SELECT Id FROM Lead WHERE ((Company = 'Acme'))": 1,
    "SELECT Id FROM Lead WHERE NOT (Company = 'Acme' OR LastName = 'Zed')": 1,
    "SELECT Id FROM Lead WHERE NOT NOT Company = 'Acme'": 1,
    "SELECT Id FROM Lead WHERE NOT Company = 'Acme' AND LastName = 'Zed'": 1,
    # parents and semi-joins
    "SELECT Id FROM Lead WHERE Owner.Name = 'Dievio Holding'": 1,
    "SELECT Id FROM Lead WHERE CreatedBy.Username LIKE 'admin%'": 3,
    "SELECT Id FROM Lead WHERE Id IN (SELECT LeadId FROM CampaignMember)": 0,
    "SELECT Id FROM Lead WHERE Id NOT IN (SELECT LeadId FROM CampaignMember WHERE Status = 'Sent')": 3,
    "SELECT Id FROM User WHERE Id IN (SELECT OwnerId FROM Lead)": 1,
    # order and bounds
    "SELECT Id FROM Lead ORDER BY Name": 3,
    "SELECT Id FROM Lead ORDER BY Name ASC NULLS FIRST, Id DESC": 3,
    "SELECT Id FROM Lead ORDER BY Email DESC NULLS LAST": 3,
    "SELECT Id FROM Lead ORDER BY Owner.Name, CreatedDate": 3,
    "SELECT Id FROM Lead LIMIT 2": 2,
    "SELECT Id FROM Lead LIMIT 0": 0,
    "SELECT Id FROM Lead ORDER BY Id LIMIT 2 OFFSET 2": 1,
    "SELECT Id FROM Lead OFFSET 3": 0,
}  # fmt: skip
LEFT_OUT = {
    "child subquery": "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
    "TYPEOF": "SELECT TYPEOF Owner WHEN User THEN Id END FROM Lead",
    "date functions": "SELECT CALENDAR_YEAR(CreatedDate), COUNT(Id) FROM Lead GROUP BY CALENDAR_YEAR(CreatedDate)",
    "toLabel": "SELECT toLabel(Status) FROM Lead",
    "format": "SELECT FORMAT(AnnualRevenue) FROM Lead",
    "convertCurrency": "SELECT convertCurrency(AnnualRevenue) FROM Lead",
    "DISTANCE": "SELECT Id FROM Lead WHERE DISTANCE(Address, GEOLOCATION(1,2), 'km') < 20",
    "WITH SECURITY_ENFORCED": "SELECT Id FROM Lead WITH SECURITY_ENFORCED",
    "USING SCOPE": "SELECT Id FROM Lead USING SCOPE mine",
    "ROLLUP": "SELECT Status, COUNT(Id) FROM Lead GROUP BY ROLLUP(Status)",
    "CUBE": "SELECT Status, COUNT(Id) FROM Lead GROUP BY CUBE(Status)",
    "FOR VIEW": "SELECT Id FROM Lead FOR VIEW",
    "FOR UPDATE": "SELECT Id FROM Lead FOR UPDATE",
    "ALL ROWS": "SELECT Id FROM Lead ALL ROWS",
    "binds": "SELECT Id FROM Lead WHERE Name = :name",
    "INCLUDES": "SELECT Id FROM Lead WHERE Status INCLUDES ('a;b')",
    "several objects": "SELECT Id FROM Account, Account.Contacts c",
    "SOSL": "FIND {x} IN ALL FIELDS",
}
REFUSED = {
    "": "MALFORMED_QUERY",
    "SELECT": "MALFORMED_QUERY",
    "SELECT FROM Lead": "MALFORMED_QUERY",
    "SELECT Id": "MALFORMED_QUERY",
    "SELECT Id Lead": "MALFORMED_QUERY",
    "SELECT Id, FROM Lead": "MALFORMED_QUERY",
    "SELECT * FROM Lead": "MALFORMED_QUERY",
    "SELECT Id FROM Lead;": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Name": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Name =": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE = 'a'": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Name == 'a'": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Name = 'a": "MALFORMED_QUERY",
    'SELECT Id FROM Lead WHERE Name = "a"': "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Name = 'a' AND": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Name = 'a' AND Name = 'b' OR Name = 'c'": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Name = 'a' OR Name = 'b' AND Name = 'c'": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE (Name = 'a'": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Name = 'a')": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Name IN ()": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Name IN 'a'": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Name = 'a\\x'": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Name = 'a\nb'": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Name IS NULL": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Name > null": "MALFORMED_QUERY",
    "SELECT Id FROM Lead ORDER Name": "MALFORMED_QUERY",
    "SELECT Id FROM Lead ORDER BY Name NULLS": "MALFORMED_QUERY",
    "SELECT Id FROM Lead LIMIT": "MALFORMED_QUERY",
    "SELECT Id FROM Lead LIMIT -1": "MALFORMED_QUERY",
    "SELECT Id FROM Lead LIMIT 1.5": "MALFORMED_QUERY",
    "SELECT Id FROM Lead LIMIT 1 ORDER BY Id": "MALFORMED_QUERY",
    "SELECT Id FROM Lead OFFSET 1 LIMIT 1": "MALFORMED_QUERY",
    "SELECT Id, Id FROM Lead": "MALFORMED_QUERY",
    "SELECT Id x FROM Lead": "MALFORMED_QUERY",
    "SELECT COUNT(), Id FROM Lead": "MALFORMED_QUERY",
    "SELECT COUNT() FROM Lead GROUP BY Status": "MALFORMED_QUERY",
    "SELECT Id, COUNT(Id) FROM Lead": "MALFORMED_QUERY",
    "SELECT Name, COUNT(Id) FROM Lead GROUP BY Status": "MALFORMED_QUERY",
    "SELECT Status FROM Lead GROUP BY Status HAVING Name = 'a'": "MALFORMED_QUERY",
    "SELECT Id FROM Lead HAVING COUNT(Id) > 1": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE COUNT(Id) > 1": "MALFORMED_QUERY",
    "SELECT SUM(Name) FROM Lead": "MALFORMED_QUERY",
    "SELECT COUNT(Id) a, COUNT(Id) a FROM Lead": "MALFORMED_QUERY",
    "SELECT FIELDS(ALL) FROM Lead": "MALFORMED_QUERY",
    "SELECT FIELDS(ALL) FROM Lead LIMIT 201": "MALFORMED_QUERY",
    "SELECT FIELDS(SOME) FROM Lead": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE CreatedDate = LAST_N_DAYS": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE CreatedDate = SOMEDAY": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE CreatedDate IN (TODAY)": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE CreatedDate = 2026-02-30T00:00:00Z": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE CreatedDate = LAST_N_YEARS:99999": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Id IN (SELECT LeadId, ContactId FROM CampaignMember)": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Id IN (SELECT Status FROM CampaignMember)": "MALFORMED_QUERY",
    "SELECT Id FROM Lead WHERE Name IN (SELECT LeadId FROM CampaignMember)": "MALFORMED_QUERY",
    "SELECT Id FROM Leads": "INVALID_TYPE",
    "SELECT Id FROM Foo__c": "INVALID_TYPE",
    "SELECT Foo FROM Lead": "INVALID_FIELD",
    "SELECT Id FROM Lead WHERE Foo = 1": "INVALID_FIELD",
    "SELECT Id FROM Lead ORDER BY Foo": "INVALID_FIELD",
    "SELECT Boss.Name FROM Lead": "INVALID_FIELD",
    "SELECT Owner.Foo FROM Lead": "INVALID_FIELD",
    "SELECT Id FROM Lead WHERE Description = 'a'": "INVALID_FIELD",
    "SELECT Id FROM Lead ORDER BY Description": "INVALID_FIELD",
    "SELECT Id FROM Lead ORDER BY Address": "INVALID_FIELD",
    "SELECT Description FROM Lead GROUP BY Description": "INVALID_FIELD",
    "SELECT Id FROM Lead WHERE Name = 1": "INVALID_FIELD",
    "SELECT Id FROM Lead WHERE Name = true": "INVALID_FIELD",
    "SELECT Id FROM Lead WHERE Name = TODAY": "INVALID_FIELD",
    "SELECT Id FROM Lead WHERE NumberOfEmployees = '5'": "INVALID_FIELD",
    "SELECT Id FROM Lead WHERE IsConverted = 'true'": "INVALID_FIELD",
    "SELECT Id FROM Lead WHERE CreatedDate = '2026-01-01T00:00:00Z'": "INVALID_FIELD",
    "SELECT Id FROM Lead WHERE CreatedDate = 2026-01-01": "INVALID_FIELD",
    "SELECT Id FROM Lead WHERE ConvertedDate = 2026-01-01T00:00:00Z": "INVALID_FIELD",
    "SELECT Id FROM Lead WHERE Id = 'abc'": "INVALID_QUERY_FILTER_OPERATOR",
    "SELECT Id FROM Lead WHERE Id LIKE '00Q%'": "INVALID_QUERY_FILTER_OPERATOR",
    "SELECT Id FROM Lead WHERE IsConverted > false": "INVALID_QUERY_FILTER_OPERATOR",
    "SELECT Id FROM Lead WHERE NumberOfEmployees LIKE '5%'": "INVALID_QUERY_FILTER_OPERATOR",
    "SELECT Id FROM Lead OFFSET 2001": "NUMBER_OUTSIDE_VALID_RANGE",
}  # fmt: skip


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    emulated = Org()
    emulated.clock.set(NOON, frozen=True)
    emulated.load("Lead", LEADS)
    yield emulated
    emulated.close()


def world(org: Org) -> World:
    return World(org.schema, Caller(ADMIN, "admin").key, NOON)


@pytest.mark.parametrize("statement", ACCEPTED)
def test_an_accepted_statement_finds_its_rows(statement: str, org: Org) -> None:
    compiled = compile_query(statement, world(org))

    rows = count_rows(org, compiled) if compiled.shape is None else len(fetch(org, compiled))

    assert rows == ACCEPTED[statement]


@pytest.mark.parametrize("statement", REFUSED)
def test_a_wrong_statement_is_refused_with_its_code(statement: str, org: Org) -> None:
    with pytest.raises(SalesforceFault) as refused:
        compile_query(statement, world(org))

    assert refused.value.code == REFUSED[statement]


@pytest.mark.parametrize("construct", LEFT_OUT)
def test_a_construct_left_out_on_purpose_is_refused_and_not_ignored(construct: str, org: Org) -> None:
    with pytest.raises(SalesforceFault) as refused:
        compile_query(LEFT_OUT[construct], world(org))

    assert refused.value.code == "MALFORMED_QUERY"


def test_limits_of_length_are_kept(org: Org) -> None:
    for statement in (f"SELECT Id FROM Lead WHERE Name = '{'x' * 4001}'", "SELECT Id FROM Lead " + " " * 100_000):
        with pytest.raises(SalesforceFault):
            compile_query(statement, world(org))


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(ACCEPTED) + len(REFUSED) + len(LEFT_OUT) >= 160
