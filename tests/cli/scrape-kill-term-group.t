#!/bin/bash
# ccm-scrape, stopped, with all of its process group, at random moments.
# shellcheck source=tests/scrape.sh
. "$(dirname "$0")/../scrape.sh"

kill_scrapes TERM group
