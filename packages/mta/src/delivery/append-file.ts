import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'

export interface FileOutcome {
  readonly status: string
  readonly text: string
}

/** Postfix: deliver_lock_attempts 20, deliver_lock_delay 1s, stale_lock_time 500s. */
const lockAttempts = 40
const lockDelayMs = 250
const staleLockMs = 500_000

let deliveries = 0

/**
 * Adds a message to a file: `/name` is an mbox, `/name/` a Maildir. All of it or nothing, on disk when this
 * returns. Runs as the user whose files they are. Postfix: local(8), deliver_file().
 */
export async function appendToFile(
  path: string,
  content: (form: 'mbox' | 'maildir') => AsyncIterable<Uint8Array>,
  nowMs: () => number,
): Promise<FileOutcome> {
  try {
    if (path.endsWith('/')) {
      await addToMaildir(path, content('maildir'), nowMs())
      return { status: '2.0.0', text: `delivered to maildir: ${path}` }
    }
    const refused = await appendToMbox(path, content('mbox'), nowMs)
    return refused ?? { status: '2.0.0', text: `delivered to file: ${path}` }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const text = `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`
    return { status: code === 'ELOOP' || code === 'EISDIR' ? '5.2.0' : '4.2.0', text }
  }
}

async function appendToMbox(
  path: string,
  content: AsyncIterable<Uint8Array>,
  nowMs: () => number,
): Promise<FileOutcome | undefined> {
  const lock = `${path}.lock`
  if (!(await takeLock(lock, nowMs))) {
    return { status: '4.2.0', text: `unable to lock ${path} for exclusive access` }
  }
  try {
    const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
    const file = await open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
    try {
      const before = await file.stat()
      if (!before.isFile() || before.nlink !== 1)
        return { status: '5.2.0', text: `${path} is not a regular file with one name` }
      await writeWhole(file, content).catch(async (error: unknown) => {
        await file.truncate(before.size)
        throw error
      })
      if (before.size === 0) await syncName(file, path)
    } finally {
      await file.close()
    }
  } finally {
    await rm(lock, { force: true })
  }
  return undefined
}

/** The lock file that mail programs agree on; one that was left behind is broken. */
async function takeLock(path: string, nowMs: () => number): Promise<boolean> {
  for (let attempt = 0; attempt < lockAttempts; attempt++) {
    try {
      const file = await open(path, 'wx', 0o600)
      await file.close()
      return true
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    const held = await stat(path).catch(() => undefined)
    if (held !== undefined && nowMs() - held.mtimeMs > staleLockMs) await rm(path, { force: true })
    else await new Promise((resolve) => setTimeout(resolve, lockDelayMs))
  }
  return false
}

/** https://cr.yp.to/proto/maildir.html: whole in tmp, then renamed into new. */
async function addToMaildir(
  folder: string,
  content: AsyncIterable<Uint8Array>,
  nowMs: number,
): Promise<void> {
  for (const name of ['tmp', 'new', 'cur']) await makeFolder(join(folder, name))
  const host = hostname().replaceAll('/', '\\057').replaceAll(':', '\\072')
  const name = `${Math.floor(nowMs / 1000)}.P${process.pid}Q${++deliveries}.${host}`
  let path = join(folder, 'tmp', name)
  const file = await open(path, 'wx', 0o600)
  try {
    await writeWhole(file, content)
    const place = join(folder, 'new', name)
    await rename(path, place)
    path = place
    await syncName(file, place)
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
}

async function writeWhole(file: FileHandle, content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of content) {
    for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten
  }
  await file.sync()
}

/** A name is on disk when its folder is. Of a folder that may not be read the file says it: a sync brings its names along. */
async function syncName(file: FileHandle, path: string): Promise<void> {
  if (!(await syncFolder(dirname(path)))) await file.sync()
}

/** False where the folder may be entered only. */
async function syncFolder(path: string): Promise<boolean> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'EACCES') return undefined
    throw error
  })
  if (folder === undefined) return false
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
  return true
}

async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let at = resolve(path); ; at = dirname(at)) {
    await syncFolder(dirname(at))
    if (at === resolve(first) || at === dirname(at)) return
  }
}
