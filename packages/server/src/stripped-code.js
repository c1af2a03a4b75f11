/**
 * Keeps our TypeScript without its types, a file for each, under the folder that the query of this module's address names
 * (`--import=file:…/stripped-code.js?folder=…`). A server is started so instead of with Node's compile cache, which keeps what
 * it has read in memory as long as the process runs: 12 MB. Each thread is told by the same option.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { registerHooks, stripTypeScriptTypes } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { threadId } from 'node:worker_threads'
import { crc32 } from 'node:zlib'

const folder = new URL(import.meta.url).searchParams.get('folder')
const sumLength = 8
const sumOf = (octets) => crc32(octets).toString(16).padStart(sumLength, '0')

/** The last line of a kept file says what it was made from, and by which Node; code before it may not be another's. */
function trailer(source, code) {
  return `\n// ${process.version} ${sumOf(source)} ${sumOf(code)}`
}

/** @returns undefined: nothing is kept, or it is not of this source */
function kept(file, source) {
  let octets
  try {
    octets = readFileSync(file)
  } catch {
    return undefined
  }
  const end = octets.lastIndexOf('\n')
  const code = octets.subarray(0, Math.max(end, 0))
  return octets.toString('latin1', Math.max(end, 0)) === trailer(source, code) ? octets : undefined
}

function remove(file) {
  try {
    rmSync(file, { force: true })
  } catch {
    // The disk that did not take it may not let it go.
  }
}

/** Other threads and processes may be doing the same: a file is whole, or not there. */
function keep(file, octets) {
  const made = `${file}.${process.pid}.${threadId}`
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(made, octets, { mode: 0o600 })
    renameSync(made, file)
  } catch {
    // Starting takes longer the next time, too.
    remove(made)
  }
}

/** Node says once in a process that this may change; the version of Node is ours to choose. */
function strip(source) {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return stripTypeScriptTypes(source)
  } finally {
    process.emitWarning = emitWarning
  }
}

/** Lines and columns stay as they are in the source. */
function withoutTypes(path) {
  const source = readFileSync(path)
  const file = join(folder, 'stripped', `${path}.js`)
  const known = kept(file, source)
  if (known !== undefined) return known
  const code = Buffer.from(strip(source.toString()))
  const octets = Buffer.concat([code, Buffer.from(trailer(source, code))])
  keep(file, octets)
  return octets
}

/** Node's own way is right for what npm installed, and for what is no TypeScript. */
const isOurs = (url) => url.startsWith('file:') && url.endsWith('.ts') && !url.includes('/node_modules/')

if (folder !== null)
  registerHooks({
    load: (url, context, next) =>
      isOurs(url)
        ? { format: 'module', source: withoutTypes(fileURLToPath(url)), shortCircuit: true }
        : next(url, context),
  })
