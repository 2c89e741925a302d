"""``python -m streamssl`` is the command ``streamssl``."""

from streamssl.cli import main

if __name__ == "__main__":
    main()
