import { closeSync, fstatSync, openSync, readFileSync, type Stats, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type TableContext, TableError } from './table.ts'

/** Turns a file's text into a table's contents; yields between slices. Throws TableError on a bad line. */
export type Parse<T> = (text: string, warn: (line: number, message: string) => void) => Generator<void, T>

export interface TableFile<T> {
  current(): T
  refresh(): Promise<void>
}

/** How often a file is looked at, at most. */
const checkIntervalMs = 1_000
/** A table larger than this is a mistake (a device, a log). */
const maxTableBytes = 512 * 1024 * 1024

/**
 * A table's text file, read again when its time, size or inode changes. The new contents replace the old
 * ones at once and whole; a file that cannot be read or parsed any more leaves the old ones and a warning.
 */
export function openTableFile<T>(
  named: string,
  spec: string,
  context: TableContext,
  parse: Parse<T>,
): TableFile<T> {
  const path = resolve(context.folder ?? '.', named)
  let nextCheckMs = context.now() + checkIntervalMs
  let reading: Promise<void> | undefined
  const warn = (text: string) => context.log({ level: 'warning', service: 'tables', text })
  const warnLine = (line: number, message: string) => warn(`${path}, line ${line}: ${message}`)

  const { contents } = context
  const key = JSON.stringify([path, spec, context.format, context.keys])
  const keep = (): void => void contents?.set(key, { identity, content })
  const known = contents?.get(key)
  const first = readFirst(path, spec, context, known?.identity)
  let identity = first.identity
  let failedIdentity = ''
  let content = first.text === undefined ? (known?.content as T) : drain(parse(first.text, warnLine))
  keep()

  async function reload(): Promise<void> {
    let seen = ''
    try {
      const file = await open(path)
      try {
        const stats = await file.stat()
        seen = identityOf(stats)
        if (seen === identity || seen === failedIdentity) return
        checkStats(path, spec, stats, context)
        const text = await file.readFile('utf8')
        content = await drainSlowly(parse(text, warnLine))
        identity = seen
        failedIdentity = ''
        keep()
      } finally {
        await file.close()
      }
    } catch (error) {
      if (failedIdentity === (seen || 'unreadable')) return
      failedIdentity = seen || 'unreadable'
      warn(`${messageOf(error)}; keeping the previous contents of ${spec}`)
    }
  }

  function start(): Promise<void> {
    nextCheckMs = context.now() + checkIntervalMs
    reading ??= reload().finally(() => {
      reading = undefined
    })
    return reading
  }

  return {
    current() {
      if (context.now() >= nextCheckMs) {
        nextCheckMs = context.now() + checkIntervalMs
        if (changed(path, identity, failedIdentity)) void start()
      }
      return content
    },
    async refresh() {
      await reading
      await start()
    },
  }
}

function changed(path: string, identity: string, failedIdentity: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false })
  const seen = stats === undefined ? 'unreadable' : identityOf(stats)
  return seen !== identity && seen !== failedIdentity
}

/** Without the text when its file is as it was. */
function readFirst(
  path: string,
  spec: string,
  context: TableContext,
  known: string | undefined,
): { readonly text: string | undefined; readonly identity: string } {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    throw new TableError(spec, `cannot open: ${messageOf(error)}`)
  }
  try {
    const stats = fstatSync(fd)
    checkStats(path, spec, stats, context)
    const identity = identityOf(stats)
    return { text: identity === known ? undefined : readFileSync(fd, 'utf8'), identity }
  } finally {
    closeSync(fd)
  }
}

function checkStats(path: string, spec: string, stats: Stats, context: TableContext): void {
  if (!stats.isFile()) throw new TableError(spec, `${path} is not a regular file`)
  if (stats.size > maxTableBytes) throw new TableError(spec, `${path} is too large (${stats.size} bytes)`)
  if ((stats.mode & 0o022) === 0) return
  const text = `${path} is group or other writable (chmod go-w ${path})`
  if (context.unsafeFiles !== 'warn') throw new TableError(spec, text)
  context.log({ level: 'warning', service: 'tables', text: `${spec}: ${text}` })
}

function identityOf(stats: Stats): string {
  return `${stats.dev}:${stats.ino}:${stats.mtimeMs}:${stats.size}`
}

function drain<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** So long others wait for their turn, at most. */
const sliceMs = 4

async function drainSlowly<T>(steps: Generator<void, T>): Promise<T> {
  for (let sinceMs = performance.now(); ; ) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (performance.now() - sinceMs < sliceMs) continue
    await new Promise((resolve) => setImmediate(resolve))
    sinceMs = performance.now()
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
