# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Search: ``search.faiss`` (dense), ``search.lucene`` (BM25), ``search.hybrid`` (both)."""
