# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m pyserini_tct.ablate``: the choices of distillation crossed, trained, evaluated and compared."""
