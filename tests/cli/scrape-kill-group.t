#!/bin/bash
# ccm-scrape, killed, with all of its process group, at random moments.
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"

kill_scrapes KILL group
