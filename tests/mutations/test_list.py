"""The list does not rot: each text to be replaced is there exactly once, and each test that has to fail exists."""

import ast
from collections import Counter

import pytest

from tests.mutations.every import EVERY
from tests.mutations.mutation import Mutation
from tests.mutations.trial import ROOT
from tests.mutations.verdict import address


@pytest.mark.parametrize("mutation", EVERY, ids=lambda mutation: mutation.name)
def test_a_mutation_applies_exactly_once_and_names_its_assertion(mutation: Mutation) -> None:
    assert compile(mutation.applied(ROOT), mutation.file, "exec")
    text = (ROOT / mutation.test.partition("::")[0]).read_text(encoding="utf-8")
    functions = {
        node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert address(mutation.test)[1].partition("[")[0] in functions
    assert len(mutation.expected) > len("assert ")


def test_each_has_a_name_of_its_own() -> None:
    names = Counter(each.name for each in EVERY)
    assert [name for name, count in names.items() if count > 1] == []
    assert len(names) >= 25
