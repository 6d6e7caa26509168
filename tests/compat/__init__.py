# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Comparisons with stock Pyserini; a package, so that its conftest is not taken for that of ``tests``."""
