"""One typed contract per entity, by `source/entity`; one module per source.

Add an entity to its source's module (or a source as a module here); the raw table, the reader's schema and dbt's
sources file follow. Nothing here reads or writes anything.
"""

from ingest.contracts import billing, finance, github, partners, privacy, reference, registry, status, support
from ingest.contracts.contract import ERASED, META_COLUMNS, Column, Contract

__all__ = ["CONTRACTS", "ERASED", "META_COLUMNS", "Column", "Contract"]

CONTRACTS: dict[str, Contract] = {
    contract.name: contract
    for source in (registry, billing, status, support, finance, partners, github, reference, privacy)
    for contract in source.CONTRACTS
}
"""Every entity the importer knows, in the order it imports them."""
