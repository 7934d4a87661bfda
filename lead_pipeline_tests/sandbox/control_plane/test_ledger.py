from pathlib import Path
from threading import Thread

from lead_pipeline.sandbox.control_plane import RequestLedger


def test_the_ledger_counts_by_route_and_sums_the_bytes() -> None:
    ledger = RequestLedger()
    ledger.add("POST /a", bytes_in=3, bytes_out=10)
    ledger.add("POST /a", bytes_in=4, bytes_out=10)
    ledger.add("GET /b/{id}", bytes_in=0, bytes_out=1)

    assert ledger.totals().to_json() == {
        "total": 3,
        "calls": {"GET /b/{id}": 1, "POST /a": 2},
        "bytes_in": 7,
        "bytes_out": 21,
    }


def test_a_cleared_ledger_is_empty() -> None:
    ledger = RequestLedger()
    ledger.add("POST /a", bytes_in=3, bytes_out=10)
    ledger.clear()

    assert ledger.totals().to_json() == {"total": 0, "calls": {}, "bytes_in": 0, "bytes_out": 0}


def test_the_counts_outlive_the_process(tmp_path: Path) -> None:
    first = RequestLedger(tmp_path / "ledger.sqlite")
    first.add("POST /a", bytes_in=3, bytes_out=10)
    first.close()

    second = RequestLedger(tmp_path / "ledger.sqlite")

    assert second.totals().calls == {"POST /a": 1}
    second.close()


def test_no_count_is_lost_between_threads() -> None:
    ledger = RequestLedger()

    def work() -> None:
        for _ in range(200):
            ledger.add("POST /a", bytes_in=1, bytes_out=1)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ledger.totals().calls == {"POST /a": 800}
