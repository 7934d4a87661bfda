from lead_pipeline_tests.bench.rep_edits import count_kept, plan_edits


def test_a_rep_corrects_phones_on_some_records_and_addresses_on_others() -> None:
    edits = plan_edits(["a", "b", "c", "d", "e"], per_field=2)

    assert [(edit.record_id, edit.field) for edit in edits] == [
        ("a", "Phone"),
        ("b", "Phone"),
        ("c", "Email"),
        ("d", "Email"),
    ]
    assert len({edit.value for edit in edits}) == 4


def test_only_corrections_that_still_stand_count_as_kept() -> None:
    edits = plan_edits(["a", "b", "c"], per_field=1)
    records: dict[str, dict[str, object]] = {
        "a": {"Phone": edits[0].value, "Email": "somebody@else.example"},
        "b": {"Phone": None, "Email": "overwritten@else.example"},
    }

    assert count_kept(edits, records) == 1


def test_a_record_that_is_gone_keeps_nothing() -> None:
    assert count_kept(plan_edits(["a"], per_field=1), {}) == 0
