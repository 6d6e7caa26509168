# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Networks and their checkpoints, one file a model: ``student`` (one vector a text), ``colbert``, ``cross``.

``teachers`` puts them, and what else can teach, behind one call.
"""
