#!/bin/bash
# ccm-scrape, a process of which is killed, at random moments.
# shellcheck source=tests/simulators.sh
. "$(dirname "$0")/../simulators.sh"

kill_scrapes KILL one
