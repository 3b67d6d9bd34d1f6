from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from dbt import compilation
from dbt.clients.jinja import MacroStack
from dbt.context import providers
from dbt.context.macros import MacroNamespaceBuilder
from dbt.task import run, test
from hypothesis import given
from hypothesis import strategies as st

from orchestration.dbt_contexts import lean_contexts

PACKAGES = ("skillsmith", "helpers", "dbt_postgres", "dbt")
INTERNAL = ["dbt_postgres", "dbt"]
NAMES = ("ref_days", "default__ref_days", "dbt", "helpers")

macros = st.sets(st.tuples(st.sampled_from(PACKAGES), st.sampled_from(NAMES)))


def _namespace(found: set[tuple[str, str]], search_package: str, node: Any, stack: MacroStack) -> Any:
    by_package: dict[str, dict[str, Any]] = {}
    for package, name in sorted(found):
        macro = SimpleNamespace(unique_id=f"macro.{package}.{name}", package_name=package, name=name)
        by_package.setdefault(package, {})[name] = macro
    builder = MacroNamespaceBuilder("skillsmith", search_package, stack, INTERNAL, node)
    return builder.build_namespace(by_package, {"of": search_package})


def _meaning(member: Any) -> Any:
    if isinstance(member, dict):
        return {name: _meaning(macro) for name, macro in member.items()}
    return member.macro.unique_id, member.context, member.node, member.stack


@given(macros, st.sampled_from(PACKAGES))
def test_each_name_means_the_macro_that_dbt_takes_for_it(found: set[tuple[str, str]], search_package: str) -> None:
    node, stack = object(), MacroStack()
    expected = _namespace(found, search_package, node, stack)
    with lean_contexts():
        lean = _namespace(found, search_package, node, stack)
    assert type(lean) is not type(expected)
    assert {name: _meaning(macro) for name, macro in dict(lean).items()} == {
        name: _meaning(macro) for name, macro in dict(expected).items()
    }
    assert set(lean) == set(expected)
    assert len(lean) == len(expected)
    for package in (None, "dbt", *{package for package, _ in found if package not in INTERNAL}):
        for name in (*NAMES, "no such macro"):
            theirs, ours = (space.get_from_package(package, name) for space in (expected, lean))
            assert (ours and _meaning(ours)) == (theirs and _meaning(theirs))


class _Context:
    """Stands for dbt's context of a node: what it says of the node is read when it is asked."""

    def __init__(self, node: Any, config: Any, manifest: Any, *_: Any) -> None:
        self.model, self.manifest = node, manifest

    def to_dict(self) -> dict[str, Any]:
        return {"of": self, "code": self.model.compiled_code}


@pytest.mark.parametrize("task", [run, test])
def test_a_node_runs_with_the_macros_it_was_compiled_with_and_the_code_it_has_then(
    task: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "ModelContext", _Context)
    node, other = (SimpleNamespace(unique_id="model.a", compiled_code=None) for _ in range(2))
    before = compilation.generate_runtime_model_context, task.generate_runtime_model_context
    with lean_contexts():

        def compiled(manifest: str) -> dict[str, Any]:
            return compilation.generate_runtime_model_context(node, None, manifest)  # pyright: ignore[reportArgumentType]

        def to_run(node: Any, manifest: str) -> dict[str, Any]:
            return task.generate_runtime_model_context(node, None, manifest)

        made = compiled("one")
        node.compiled_code = "select 1"
        again = to_run(node, "one")
        assert again["of"] is made["of"]
        assert again["code"] == "select 1"
        # Once and no more, and neither for another node of that name nor for another project.
        assert to_run(node, "one")["of"] is not made["of"]
        assert compiled("one")["of"] is not to_run(other, "one")["of"]
        assert compiled("one")["of"] is not to_run(node, "two")["of"]
    assert (compilation.generate_runtime_model_context, task.generate_runtime_model_context) == before
