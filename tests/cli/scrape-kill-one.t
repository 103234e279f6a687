#!/bin/bash
# ccm-scrape, a process of which is killed, at random moments.
# shellcheck source=tests/scrape.sh
. "$(dirname "$0")/../scrape.sh"

kill_scrapes KILL one
