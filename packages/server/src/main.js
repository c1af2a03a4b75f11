/** What the executables start. No TypeScript: Node need not load its reader of it when all else comes from the cache. */
import { lstatSync, mkdirSync } from 'node:fs'
import nodeModule from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// npm brings Node 24; where its install scripts were not allowed, an older one of the system reads this.
if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(
    `posthorn: fatal: Posthorn needs Node.js 24; this is ${process.version} (${process.execPath}).\n` +
      'npm ci brings it along, unless its install scripts are switched off: try npm ci --ignore-scripts=false\n',
  )
  process.exit(1)
}

/** Nobody else's: who can write there decides what we run. undefined: there is none, and starting takes longer. */
function ownFolder() {
  const uid = process.getuid?.() ?? 0
  const folder = join(tmpdir(), `posthorn-compile-cache-${uid}`)
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch {
    // It is there, or cannot be.
  }
  const found = lstatSync(folder, { throwIfNoEntry: false })
  const isOwn = found?.isDirectory() === true && found.uid === uid && (found.mode & 0o022) === 0
  return isOwn ? folder : undefined
}

const folder = process.env['NODE_COMPILE_CACHE'] === undefined ? ownFolder() : undefined
// Before anything else is loaded: it halves the start-up time of each command.
if (folder !== undefined) nodeModule.enableCompileCache(folder)
await import('./main.ts')
