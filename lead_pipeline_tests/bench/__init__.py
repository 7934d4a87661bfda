"""The benchmark: calls and CPU time per lead of the nightly job beside two common designs, on the sandbox.

Run it by `python -m lead_pipeline_tests.bench`. Tests of correctness belong to the packages they test; the tests here
hold only the benchmark's own arithmetic.
"""
