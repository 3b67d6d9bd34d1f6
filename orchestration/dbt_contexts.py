"""What a node of dbt can call: every macro there is, put together for each node twice, once to compile and once to run.

dbt makes 660 objects each time and looks each up again by name, which is an eighth of a small world's refresh. Here the
same objects are made in one go.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def lean_contexts() -> Iterator[None]:
    """Around a run of dbt: its nodes get their macros from here. Which macro a name means is as dbt decides it."""
    from dbt.clients.jinja import MacroGenerator
    from dbt.context.macros import MacroNamespace, MacroNamespaceBuilder
    from dbt.include.global_project import PROJECT_NAME

    class BoundMacro(MacroGenerator):
        # The parents' own do the same in three calls.
        def __init__(self, macro: Any, context: Any, node: Any, stack: Any) -> None:  # pyright: ignore[reportMissingSuperCall]
            self.macro = macro
            self.context = context
            self.node = node
            self.stack = stack

    class FlatNamespace(MacroNamespace):
        def __init__(self, *namespaces: Any) -> None:
            super().__init__(*namespaces)
            # The last to come wins, so the order of dbt's search is turned around.
            self.flat: dict[str, Any] = {
                **self.global_project_namespace,
                PROJECT_NAME: self.global_project_namespace,
                **self.packages,
                **self.global_namespace,
                **self.local_namespace,
            }

        def keys(self) -> Any:
            return self.flat.keys()

        def __getitem__(self, key: str) -> Any:
            return self.flat[key]

    def build_namespace(builder: Any, macros_by_package: dict[str, dict[str, Any]], ctx: dict[str, Any]) -> Any:
        bound = {
            package: {name: BoundMacro(macro, ctx, builder.node, builder.thread_ctx) for name, macro in macros.items()}
            for package, macros in macros_by_package.items()
        }
        internal: dict[str, Any] = {}
        for package in reversed(builder.internal_package_names_order):
            internal |= bound.get(package, {})
        packages = {name: macros for name, macros in bound.items() if name not in builder.internal_package_names}
        local, root = packages.get(builder.search_package, {}), packages.get(builder.root_package, {})
        return FlatNamespace(root, local, internal, packages)

    before = MacroNamespaceBuilder.build_namespace
    MacroNamespaceBuilder.build_namespace = build_namespace  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        MacroNamespaceBuilder.build_namespace = before
