import { closeSync, fstatSync, openSync, readFileSync, type Stats, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type TableContext, TableError } from './table.ts'
import { TableUnread } from './table-contents.ts'

/** Turns a file's text into a table's contents; yields between slices. Throws TableError on a bad line. */
export type Parse<T> = (text: string, warn: (line: number, message: string) => void) => Generator<void, T>

interface Contents<T> {
  readonly identity: string
  readonly content: T
}

export interface TableFile<T> {
  current(): T
  refresh(): Promise<void>
}

/** How often a file is looked at, at most. */
const checkIntervalMs = 1_000
/** A table larger than this is a mistake (a device, a log). */
const maxTableBytes = 512 * 1024 * 1024
/** No longer one is read at once: as many octets of patterns take 25 ms, of other lines 1 ms. */
const longFileBytes = 16 * 1024

/**
 * A table's text file, read again when its time, size or inode changes. The new contents replace the old
 * ones whole: those of a short file before it is asked, as in Postfix, those of a long one, which is looked at whether it is
 * asked or not, when they are ready. A file that
 * cannot be read or parsed any more leaves the old ones and a warning.
 * @param kind what is read: others may read the same file in their own way.
 */
export function openTableFile<T>(
  named: string,
  spec: string,
  context: TableContext,
  parse: Parse<T>,
  kind = 'table',
): TableFile<T> {
  const path = resolve(context.folder ?? '.', named)
  let nextCheckMs = context.now() + checkIntervalMs
  let reading: Promise<void> | undefined
  const warn = (text: string) => context.log({ level: 'warning', service: 'tables', text })
  const warnLine = (line: number, message: string) => warn(`${path}, line ${line}: ${message}`)

  const { contents } = context
  const key = JSON.stringify([kind, path, spec, context.format, context.keys])

  /** Beside other work; undefined: its state is one that is known. */
  async function readSlowly(isKnown: (identity: string) => boolean): Promise<Contents<T> | undefined> {
    const file = await open(path)
    try {
      const stats = await file.stat()
      const identity = identityOf(stats)
      if (isKnown(identity)) return undefined
      checkStats(path, spec, stats, context)
      return { identity, content: await drainSlowly(parse(await file.readFile('utf8'), warnLine)) }
    } finally {
      await file.close()
    }
  }

  /** For `TableContents.prepare`. */
  async function readAhead(): Promise<void> {
    try {
      const read = await readSlowly(() => false)
      if (read !== undefined) contents?.set(key, read)
    } catch (error) {
      throw error instanceof TableError ? error : new TableError(spec, cannotOpen(error, path))
    }
  }

  const known = contents?.get(key) as Contents<T> | undefined
  const first = readFirst(path, spec, context, known?.identity)
  if (first === 'long') throw new TableUnread(path, readAhead)
  let { identity, content } =
    first.text === undefined
      ? (known as Contents<T>)
      : { identity: first.identity, content: drain(parse(first.text, warnLine)) }
  contents?.set(key, { identity, content })
  let failedIdentity = ''

  async function reload(): Promise<void> {
    let seen = ''
    try {
      const read = await readSlowly((found) => {
        seen = found
        return found === identity || found === failedIdentity
      })
      if (read !== undefined) replace(read)
    } catch (error) {
      failed(seen, error)
    }
  }

  function replace(read: Contents<T>): void {
    ;({ identity, content } = read)
    failedIdentity = ''
    contents?.set(key, read)
  }

  function failed(seen: string, error: unknown): void {
    if (failedIdentity === (seen || 'unreadable')) return
    failedIdentity = seen || 'unreadable'
    warn(`${messageOf(error)}; keeping the previous contents of ${spec}`)
  }

  function reloadAtOnce(stats: Stats): void {
    try {
      checkStats(path, spec, stats, context)
      replace({ identity: identityOf(stats), content: drain(parse(readFileSync(path, 'utf8'), warnLine)) })
    } catch (error) {
      failed(identityOf(stats), error)
    }
  }

  function start(): Promise<void> {
    nextCheckMs = context.now() + checkIntervalMs
    reading ??= reload().finally(() => {
      reading = undefined
    })
    return reading
  }

  const file: TableFile<T> = {
    current() {
      if (isDue(nextCheckMs - context.now())) {
        nextCheckMs = context.now() + checkIntervalMs
        const stats = statSync(path, { throwIfNoEntry: false })
        const seen = stats === undefined ? 'unreadable' : identityOf(stats)
        if (seen === identity || seen === failedIdentity) return content
        if (stats !== undefined && stats.size <= longFileBytes) reloadAtOnce(stats)
        else void start()
      }
      return content
    },
    async refresh() {
      await reading
      await start()
    },
  }
  return first.sizeBytes > longFileBytes ? askedByTheClock(file) : file
}

/** Whoever asks first after a change of a long file shall not hear what stood there before. */
function askedByTheClock<T>(file: TableFile<T>): TableFile<T> {
  const held = new WeakRef(file)
  const timer = setInterval(() => {
    const open = held.deref()
    if (open === undefined) clearInterval(timer)
    else open.current()
  }, checkIntervalMs)
  timer.unref()
  return file
}

/** More than that is left when the clock was set back. */
const isDue = (leftMs: number): boolean => leftMs <= 0 || leftMs > checkIntervalMs

interface First {
  readonly text: string | undefined
  readonly identity: string
  readonly sizeBytes: number
}

/** Without the text when its file is as it was; 'long': it is to be read beside other work first. */
function readFirst(
  path: string,
  spec: string,
  context: TableContext,
  known: string | undefined,
): First | 'long' {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    throw new TableError(spec, cannotOpen(error, path))
  }
  try {
    const stats = fstatSync(fd)
    checkStats(path, spec, stats, context)
    const identity = identityOf(stats)
    const sizeBytes = stats.size
    if (identity === known) return { text: undefined, identity, sizeBytes }
    const mayWait = context.longFiles?.() === 'throw' && context.contents !== undefined
    if (mayWait && sizeBytes > longFileBytes) return 'long'
    return { text: readFileSync(fd, 'utf8'), identity, sizeBytes }
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

/** All steps at once. */
export function drain<T>(steps: Generator<void, T>): T {
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

function cannotOpen(error: unknown, path: string): string {
  return error instanceof Error && 'code' in error && error.code === 'EACCES'
    ? `cannot open: the server’s user may not read it (chown it to that user, or chgrp and chmod g+r): ${path}`
    : `cannot open: ${messageOf(error)}`
}
