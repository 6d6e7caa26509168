# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""Checks against published weights, vectors and indexes; they need a network and are asked for by TCT_ONLINE=1."""
