"""Values of an earlier sync are remembered once and never over our own."""

from lead_pipeline.store.database import Database
from lead_pipeline.store.imports import WrittenValue, import_written_values

EARLIER = WrittenValue(
    salesforce_id="00QXX0000000001AAA", field="Title", value="VP Sales", written_at="2026-03-01T00:00:00Z"
)


def test_an_earlier_value_is_remembered_once(database: Database) -> None:
    with database.transaction() as connection:
        assert import_written_values(connection, [EARLIER]) == 1
        assert import_written_values(connection, [EARLIER]) == 0
        row = connection.execute("SELECT field, value FROM field_value").fetchone()

    assert row == {"field": "Title", "value": "VP Sales"}


def test_nothing_to_import_is_fine(database: Database) -> None:
    with database.transaction() as connection:
        assert import_written_values(connection, []) == 0
