"""The runs behind the numbers: `python -m experiments NAME` makes records, `python -m experiments tables` the tables."""
