"""Parts of bench/gas.py."""
