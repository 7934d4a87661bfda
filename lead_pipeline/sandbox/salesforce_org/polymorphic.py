"""The Name object: users and groups under one roof, behind relationships that may point at either.

Belongs here: its schema and the SQLite view it reads from. Following relationships: soql/.
"""

from typing import Final

from lead_pipeline.sandbox.salesforce_org.schema import ObjectSchema, read_object

NAME_SCHEMA: Final[ObjectSchema] = read_object(
    {
        "name": "Name",
        "prefix": "",
        "writable": False,
        "without_audit": True,
        "fields": [
            {"name": "Name", "type": "string", "length": 255},
            {"name": "Type", "type": "picklist", "length": 40},
            {"name": "FirstName", "type": "string", "length": 40},
            {"name": "LastName", "type": "string", "length": 80},
            {"name": "Username", "type": "string", "length": 80},
            {"name": "Email", "type": "email", "length": 128},
            {"name": "Alias", "type": "string", "length": 8},
            {"name": "IsActive", "type": "boolean"},
        ],
    }
)
NAME_VIEW_SQL: Final = """
CREATE VIEW IF NOT EXISTS "Name" AS
SELECT Id, Name, 'User' AS Type, FirstName, LastName, Username, Email, Alias, IsActive FROM "User"
UNION ALL
SELECT Id, Name, Type, NULL, NULL, NULL, Email, NULL, 1 FROM "Group"
"""
