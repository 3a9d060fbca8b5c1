#!/usr/bin/env bash
# Fills a folder with newer programs than this Debian has, for the acceptance suite: Prometheus 3, promtool, VictoriaMetrics with vmagent, vmalert
# and vmctl from a later Debian, unpacked and not installed, and DuckDB from npm. Nothing of the system is touched.
# usage: tooling/scripts/peers.sh DIR     then: TSINK_PEERS=DIR pnpm acceptance
set -euo pipefail
duckdb=1.5.6-r.1
suite=${SUITE:-sid}
dir=$(mkdir -p "$1" && cd "$1" && pwd)

if [ ! -x "$dir/vmalert" ]; then
  # The mirror is the one that this system uses already.
  uri=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2> /dev/null | head -n 1 || true)
  [ -n "$uri" ] || uri=$(awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }' /etc/apt/sources.list)
  mkdir -p "$dir"/apt/{lists/partial,cache/archives/partial,debs,root}
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" > "$dir/apt/sources.list"
  options=(
    -o "Dir::Etc::sourcelist=$dir/apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$dir/apt/lists"
    -o "Dir::Cache=$dir/apt/cache" -o APT::Get::List-Cleanup=0 -o APT::Sandbox::User=root
  )
  apt-get "${options[@]}" -qq update
  (cd "$dir/apt/debs" && apt-get "${options[@]}" -qq download prometheus promtool victoria-metrics)
  for deb in "$dir"/apt/debs/*.deb; do dpkg -x "$deb" "$dir/apt/root"; done
  for name in prometheus promtool victoria-metrics vmagent vmalert vmctl; do mv "$dir/apt/root/usr/bin/$name" "$dir/$name"; done
  rm -rf "$dir/apt"
fi
if [ ! -d "$dir/node_modules/@duckdb/node-api" ]; then
  npm install --prefix "$dir" --ignore-scripts --no-save --no-audit --no-fund --silent "@duckdb/node-api@$duckdb"
fi
"$dir/prometheus" --version | head -n 1
