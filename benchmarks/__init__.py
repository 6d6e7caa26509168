# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Speed against stock Pyserini, as ratios of interleaved runs: ``python -m benchmarks``."""
