# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Hard negatives: ``python -m pyserini_tct.mine``, or its two parts, sources of candidates and filters."""
