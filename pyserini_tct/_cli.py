# Copyright 2026 the pyserini_tct authors
# SPDX-License-Identifier: Apache-2.0
"""What every command line shares: parsing, groups in Pyserini's manner, exit codes.

Exit codes: 0 done, 1 a check failed (``doctor``, ``regress``), 2 the command could not do what was asked, 130
interrupted.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from pyserini_tct import _disk
from pyserini_tct._errors import TctError

FAILED, UNUSABLE, INTERRUPTED, TERMINATED = 1, 2, 130, 143


class Parser(argparse.ArgumentParser):
    """An ``ArgumentParser`` that never guesses abbreviated flags and always knows ``--debug``."""

    def __init__(self, module: str, description: str, debug: bool = True) -> None:
        super().__init__(
            prog=f'python -m {module}',
            description=description,
            allow_abbrev=False,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        if debug:
            self.add_argument('--debug', action='store_true', help='show the traceback of an error')

    def add_overwrite(self) -> None:
        """Add ``--overwrite``: without it no command replaces what exists."""
        self.add_argument('--overwrite', action='store_true', help='replace the output if it exists')

    def add_heap(self) -> None:
        """Add ``--heap`` to a command that starts a JVM."""
        self.add_argument(
            '--heap', help="most memory of the Java heap, such as 2g (TCT_JAVA_HEAP, else Java's own rule)"
        )


def positive(text: str) -> int:
    """Parse an integer of at least 1 (an ``argparse`` type)."""
    value = int(text) if text.isdecimal() and len(text) < 11 else 0
    if not 1 <= value < 2**31:
        raise argparse.ArgumentTypeError(f'{text[:40]} is not a whole number from 1 to 2147483647')
    return value


def add_backend(parser: argparse.ArgumentParser) -> None:
    """Add what a student is computed with: ``--backend`` and ``--precision``."""
    names = ('torch', 'onnx', 'openvino')
    parser.add_argument('--backend', choices=names, default='torch', help='what runs the student (onnx, openvino: CPU)')
    text = 'of the arithmetic; auto: bf16 where the machine has it'
    parser.add_argument('--precision', choices=('fp32', 'bf16', 'auto'), default='fp32', help=text)


def add_query_cache(parser: argparse.ArgumentParser) -> None:
    """Add ``--query-cache``."""
    parser.add_argument('--query-cache', help='folder that keeps the vectors of queries from one run to the next')


def parse_groups(
    prog: str, description: str, groups: Mapping[str, argparse.ArgumentParser], argv: Sequence[str]
) -> dict[str, argparse.Namespace]:
    """Parse ``NAME flags NAME flags ...`` as Pyserini's ``encode`` and ``search.hybrid`` do.

    A bare group name opens its group, unless it is the value of the flag before it (``--output run`` is a file called
    ``run``, which breaks Pyserini's own parser).

    Args:
        prog: the command, for messages.
        description: one sentence for ``--help``.
        groups: a parser for each group name; a group that is not named on the command line is parsed without flags.
        argv: the words after the command.

    Returns:
        A namespace for each group; ``debug`` is set on all of them when ``--debug`` is given anywhere.
    """
    if not argv or argv[0] in ('-h', '--help'):
        print(f'usage: {prog} ' + ' '.join(f'{name} …' for name in groups) + f'\n\n{description}\n')
        for name, parser in groups.items():
            parser.prog = name
            print(parser.format_help())
        raise SystemExit(0 if argv else UNUSABLE)
    debug = '--debug' in argv
    argv = [word for word in argv if word != '--debug']
    words: dict[str, list[str]] = {name: [] for name in groups}
    current, wants_value = None, False
    for word in argv:
        if word in groups and not wants_value:
            current = word
        elif current is None:
            groups[next(iter(groups))].error(f'expected one of {", ".join(groups)} before {word!r}')
        else:
            words[current].append(word)
            action = groups[current]._option_string_actions.get(word)
            wants_value = action is not None and action.nargs not in (0, '?')
            continue
        wants_value = False
    parsed = {}
    for name, parser in groups.items():
        parser.prog = f'{prog} … {name}'
        parsed[name] = parser.parse_args(words[name])
        parsed[name].debug = debug
    return parsed


def run(main: Callable[[Sequence[str]], int | None], argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command and leave the process: errors a user can mend become one line and exit code 2."""
    argv = sys.argv[1:] if argv is None else argv
    debug = '--debug' in argv
    _prepare_streams()
    try:
        code = main(argv) or 0
        sys.stdout.flush()
    except TctError as error:
        if debug:
            raise
        code = _complain(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except KeyboardInterrupt:
        code = INTERRUPTED
        print('\ninterrupted; what was complete is kept', file=sys.stderr)
    except OSError as error:
        if debug:
            raise
        code = _complain(f'{_disk.sentence(error)}; no output was replaced')
    except Exception as error:  # what no one foresaw: still one sentence, and nothing half-written
        if debug:
            raise
        cause = (str(error).strip().splitlines() or ['no message'])[0][:200]
        code = _complain(f'{type(error).__name__}: {cause} (not foreseen: --debug shows where it happened)')
    sys.exit(code)


def _prepare_streams() -> None:
    """Give closed streams a sink, and let letters that a stream cannot show be shown as escapes."""
    for name in ('stdout', 'stderr'):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, 'w', encoding='utf-8'))  # noqa: SIM115 - open as long as the process
        elif hasattr(getattr(sys, name), 'reconfigure'):
            getattr(sys, name).reconfigure(errors='backslashreplace')
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))


def _complain(sentence: str) -> int:
    print(f'error: {sentence}', file=sys.stderr)
    return UNUSABLE


def note(sentence: str) -> None:
    """Tell the user something that is no error, on standard error, so that piped output stays clean."""
    print(sentence, file=sys.stderr, flush=True)
