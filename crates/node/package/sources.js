'use strict';

// npm's `prepack` and `postpack`: lays the Rust sources that the addon is built from into the
// package, as a cargo workspace of their own under rust/, and takes them away again.
//
//   node package/sources.js stage | remove

const { execFileSync } = require('child_process');
const fs = require('fs');
const path = require('path');

const here = path.join(__dirname, '..');
const repository = path.join(here, '..', '..');
const staged = path.join(here, 'rust');
const LICENSES = ['LICENSE-APACHE', 'LICENSE-MIT'];
const CRATES = ['sealwire', 'sealwire-x509', 'sealwire-openssl', 'files', 'node'];
const PARTS = ['Cargo.toml', 'build.rs', 'src'];

const [what] = process.argv.slice(2);
if (what === 'stage') stage();
else if (what === 'remove') remove();
else throw new Error(`stage or remove, not ${what}`);

function stage() {
  remove();
  for (const crate of CRATES) copyCrate(crate);
  for (const license of LICENSES) fs.copyFileSync(path.join(repository, license), path.join(here, license));
  fs.copyFileSync(path.join(repository, 'Cargo.lock'), path.join(staged, 'Cargo.lock'));
  fs.writeFileSync(path.join(staged, 'Cargo.toml'), workspace());
  // Takes out of the lock file what only the other crates need; the versions stay.
  execFileSync('cargo', ['metadata', '--format-version', '1'], { cwd: staged, stdio: ['ignore', 'ignore', 'inherit'] });
}

function remove() {
  fs.rmSync(staged, { recursive: true, force: true });
  for (const license of LICENSES) fs.rmSync(path.join(here, license), { force: true });
}

function copyCrate(crate) {
  for (const part of PARTS) {
    const from = path.join(repository, 'crates', crate, part);
    const to = path.join(staged, 'crates', crate, part);
    if (fs.existsSync(from)) fs.cpSync(from, to, { recursive: true });
  }
  const manifest = path.join(staged, 'crates', crate, 'Cargo.toml');
  fs.writeFileSync(manifest, withoutTests(fs.readFileSync(manifest, 'utf8')));
}

/** The tests are not in the package, so neither is what they need. */
function withoutTests(manifest) {
  return manifest.replace(/^(?:\[dev-dependencies\]|\[\[(?:test|example|bench)\]\])\n(?:(?!\[).*\n)*/gm, '');
}

/** The repository's workspace, of our crates alone. */
function workspace() {
  const manifest = fs.readFileSync(path.join(repository, 'Cargo.toml'), 'utf8');
  const members = CRATES.map((crate) => `"crates/${crate}"`).join(', ');
  const ours = manifest.replace(/^members = .*$/m, `members = [${members}]`);
  if (!ours.includes(members)) throw new Error('Cargo.toml lists its members otherwise than expected');
  return ours;
}
