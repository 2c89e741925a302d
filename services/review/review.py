"""Entry point of the review service's process: the reviewers' page under the configuration beside this file.

Any key can be overridden by the environment (``STREAMSSL_KAFKA__BOOTSTRAP_SERVERS``) or by flags.
"""

import sys
from pathlib import Path

from streamssl.cli import main

if __name__ == "__main__":
    configuration = Path(__file__).with_name("config.yaml")
    main(["review", "--config", str(configuration), *sys.argv[1:]])
