"""``python -m tpre_offchain.cli``: the same as ``tpre``, for whoever knows the interpreter but not its scripts."""

from tpre_offchain.cli.main import main

main()
