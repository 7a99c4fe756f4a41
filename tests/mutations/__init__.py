"""`python -m tests.mutations`: rules of the product, broken one at a time; a named assertion has to notice each."""
