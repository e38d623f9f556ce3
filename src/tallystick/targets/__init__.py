"""Exact programs in other forms: EVM bytecode, ONNX, circuits. Pure: bytes out, no chain, no disk."""
