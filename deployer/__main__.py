"""`python -m deployer`, and the console script."""

import gc
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    gc.disable()
    from deployer import cli

    gc.freeze()  # what is imported stays: to look through it for garbage, last at the exit, costs --help 10 ms of CPU
    gc.enable()
    sys.exit(cli.main(sys.argv[1:]))


if __name__ == "__main__":
    main()
