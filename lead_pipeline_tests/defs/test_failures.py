"""What people read when a step fails: the product's sentence, not the library's, and never a row's contents."""

import dagster as dg

from lead_pipeline.defs.failures import StepFailure, explain_failures
from lead_pipeline.errors import CredentialsRefusedError, InvalidDocumentError, SystemUnreachableError
from lead_pipeline.problems import ConfigurationProblem
from lead_pipeline_tests.defs.failing_jobs import run_failing_job

UNREACHABLE = SystemUnreachableError("Dievio", address="https://dievio.example", setting="DIEVIO_BASE_URL")


def run_and_explain(*errors: Exception) -> list[StepFailure]:
    """Run a job of which each op raises one error and explain how it ended."""
    return explain_failures(run_failing_job(*errors).all_events)


def raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def test_an_error_of_the_product_is_told_in_its_own_words_with_its_exit_code() -> None:
    error = CredentialsRefusedError("Salesforce", code="invalid_client", settings="SALESFORCE_CLIENT_SECRET")

    assert run_and_explain(error) == [StepFailure(step="op_0", message=str(error), exit_code=4)]


def test_what_a_library_said_behind_it_is_not_told() -> None:
    (failure,) = run_and_explain(raised_from(UNREACHABLE, ConnectionRefusedError("[Errno 111] Connection refused")))

    assert failure.message == str(UNREACHABLE)
    assert failure.exit_code == 1


def test_an_error_with_several_flaws_keeps_all_its_lines() -> None:
    flaws = [ConfigurationProblem(f"lead.yaml:{line}:1", what="is wrong", repair="Mend it") for line in (3, 9)]

    (failure,) = run_and_explain(InvalidDocumentError(flaws))

    assert failure.message.splitlines() == [str(flaw) for flaw in flaws]


def test_the_text_of_an_unforeseen_error_stays_out_because_it_may_quote_a_row() -> None:
    (failure,) = run_and_explain(ValueError("anna.example@company.example is no number"))

    assert "company.example" not in failure.message
    assert "op_0" in failure.message
    assert "ValueError" in failure.message
    assert failure.exit_code == 1


def test_steps_that_fail_for_one_reason_tell_it_once() -> None:
    assert len(run_and_explain(UNREACHABLE, UNREACHABLE)) == 1
    assert len(run_and_explain(UNREACHABLE, ValueError("other"))) == 2


def test_a_run_that_could_not_begin_is_told_too() -> None:
    @dg.resource
    def connections() -> None:
        raise UNREACHABLE

    @dg.op(required_resource_keys={"connections"})
    def pull() -> None:
        """Never begins."""

    @dg.job(resource_defs={"connections": connections}, executor_def=dg.in_process_executor)
    def night() -> None:
        pull()

    (failure,) = explain_failures(night.execute_in_process(raise_on_error=False).all_events)

    assert failure.message == str(UNREACHABLE)


def test_a_failed_gate_is_no_error() -> None:
    @dg.asset
    def rows() -> None:
        """Rows."""

    @dg.asset_check(asset=rows, blocking=True)
    def gate() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False)

    @dg.asset(deps=[rows])
    def writes() -> None:
        """Writes."""

    result = dg.materialize([rows, gate, writes], raise_on_error=False)

    assert not result.success
    assert explain_failures(result.all_events) == []
