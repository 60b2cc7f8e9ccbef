"""The runs behind the numbers: `python -m experiments NAME` makes records, `... tables` the tables of the README."""
