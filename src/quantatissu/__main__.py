"""``python -m quantatissu`` is the ``quanta`` command."""

from quantatissu.cli.main import main

if __name__ == "__main__":
    main()
