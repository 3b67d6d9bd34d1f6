from types import SimpleNamespace
from typing import Any

from dbt.clients.jinja import MacroStack
from dbt.context.macros import MacroNamespaceBuilder
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
