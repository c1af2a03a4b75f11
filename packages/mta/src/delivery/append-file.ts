import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'

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
  for (const name of ['tmp', 'new', 'cur']) await mkdir(join(folder, name), { recursive: true, mode: 0o700 })
  const host = hostname().replaceAll('/', '\\057').replaceAll(':', '\\072')
  const name = `${Math.floor(nowMs / 1000)}.P${process.pid}Q${++deliveries}.${host}`
  const path = join(folder, 'tmp', name)
  const file = await open(path, 'wx', 0o600)
  try {
    await writeWhole(file, content)
    await rename(path, join(folder, 'new', name))
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
