"""Processor time of what users wait for, case by case, and beside another revision.

`cases.py` holds the cases, for pytest-benchmark; a record is its JSON. One side, with all that
pytest-benchmark offers (`-m light`, `-k head`, `--benchmark-save NAME`, `--benchmark-compare`):

    python -m pytest -c benchmarks/records/pytest.ini benchmarks/records

Figures compare on one machine and in one hour only, so against another revision both sides are run
in turns: `python -m benchmarks.records --against REVISION`.
"""
