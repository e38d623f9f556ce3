"""Parts of bench/features.py: streams, engines, speed, scale, quality."""
