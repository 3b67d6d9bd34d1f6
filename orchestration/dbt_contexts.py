"""What a node of dbt can call: every macro there is, put together for each node twice, once to compile and once to run.

dbt makes 660 objects each time and looks each up again by name, which is an eighth of a small world's refresh. Here the
same objects are made in one go, and once for a node.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def lean_contexts() -> Iterator[None]:
    """Around a run of dbt: its nodes get their macros from here. Which macro a name means is as dbt decides it."""
    from dbt import compilation
    from dbt.clients.jinja import MacroGenerator
    from dbt.context.macros import MacroNamespace, MacroNamespaceBuilder
    from dbt.context.providers import ModelContext, RuntimeProvider
    from dbt.include.global_project import PROJECT_NAME
    from dbt.task import run, test

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

    compiled: dict[str, ModelContext] = {}

    def compile_context(node: Any, config: Any, manifest: Any) -> dict[str, Any]:
        compiled[node.unique_id] = ModelContext(node, config, manifest, RuntimeProvider(), None)
        return compiled[node.unique_id].to_dict()

    def run_context(node: Any, config: Any, manifest: Any) -> dict[str, Any]:
        made = compiled.pop(node.unique_id, None)
        if made is None or made.model is not node or made.manifest is not manifest:
            made = ModelContext(node, config, manifest, RuntimeProvider(), None)
        # All that is no macro is read from the node again, for it is compiled by now.
        return made.to_dict()

    # Where dbt has the name from, which it does not say of itself.
    compiler: Any = compilation
    runners: tuple[Any, ...] = (run, test)
    before, make_context = MacroNamespaceBuilder.build_namespace, compiler.generate_runtime_model_context
    MacroNamespaceBuilder.build_namespace = build_namespace  # pyright: ignore[reportAttributeAccessIssue]
    compiler.generate_runtime_model_context = compile_context
    for runner in runners:
        runner.generate_runtime_model_context = run_context
    try:
        yield
    finally:
        MacroNamespaceBuilder.build_namespace = before
        for module in (compiler, *runners):
            module.generate_runtime_model_context = make_context
