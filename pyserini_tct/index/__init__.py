# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Indexes: ``index.faiss`` over a vector store, ``index.lucene`` (BM25) over a corpus."""
