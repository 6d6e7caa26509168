# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""The one exception for mistakes that a user can mend.

Every stage raises :class:`TctError` with one sentence that names the file, the line or the value, and the remedy; the
command line (``_cli.run``) prints that sentence without a traceback and exits with 2.
"""


class TctError(Exception):
    """Bad input, a missing file, a missing extra or an impossible request, told in one sentence."""
