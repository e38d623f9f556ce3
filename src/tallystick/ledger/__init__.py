"""The ledger: leaves and trees, the contracts' Python side, verification."""
