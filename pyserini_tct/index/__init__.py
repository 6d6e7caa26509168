# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Indexes: ``index.faiss`` over a vector store, ``index.lucene`` over a corpus (BM25) or over vectors."""
