# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.demo``: the whole flow on pocket, from text to the paper's table in miniature."""
