import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

export type SafeText =
  | {
      readonly kind: 'text'
      readonly text: string
      /** As whom local(8) serves what it names; undefined: root's file. */
      readonly ownerUid: number | undefined
    }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unsafe'; readonly reason: string }
  /** The disk did not answer: try again later. */
  | { readonly kind: 'temporary'; readonly reason: string }

/** A user's file that says where mail goes is small. */
const maxForwardBytes = 16 * 1024
const maxIncludeBytes = 1024 * 1024

const absentCodes = new Set(['ENOENT', 'ENOTDIR'])
/** A link where none may be; what we may not read; a name that is none. */
const unsafeCodes = new Set(['ELOOP', 'EACCES', 'EPERM', 'ENXIO', 'ENAMETOOLONG', 'EINVAL'])

/**
 * Reads `.forward`. Its writer could otherwise read any file as us or speak for another user, so: no
 * symbolic link, a regular file with one name, owned by the home's owner or root, neither it nor the
 * home writable by group or others, at most 16 KB.
 */
export function readForwardFile(path: string): Promise<SafeText> {
  return reading(async () => {
    const home = await stat(dirname(path))
    const problem = homeProblem(home)
    return withFile(path, async (file, stats) => {
      if (problem !== undefined) return unsafe(problem)
      const reason = fileProblem(stats, [home.uid, 0], maxForwardBytes)
      // What root has written in a user's home is the user's.
      return reason === undefined ? text(file, maxForwardBytes, stats.uid || home.uid) : unsafe(reason)
    })
  })
}

/** Reads an alias's `:include:` file, which the administrator named: links are his business, the rest holds. */
export function readIncludeFile(path: string): Promise<SafeText> {
  return reading(() =>
    withFile(
      path,
      async (file, stats) => {
        const reason = fileProblem(stats, undefined, maxIncludeBytes)
        return reason === undefined ? text(file, maxIncludeBytes, stats.uid) : unsafe(reason)
      },
      'follow-links',
    ),
  )
}

async function withFile(
  path: string,
  use: (file: FileHandle, stats: Stats) => Promise<SafeText>,
  links: 'refuse-links' | 'follow-links' = 'refuse-links',
): Promise<SafeText> {
  // O_NONBLOCK: a FIFO in the way must not hold us up.
  const noFollow = links === 'refuse-links' ? constants.O_NOFOLLOW : 0
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | noFollow)
  try {
    return await use(file, await file.stat())
  } finally {
    await file.close()
  }
}

function homeProblem(home: Stats): string | undefined {
  if (!home.isDirectory()) return 'home is not a directory'
  return (home.mode & 0o022) !== 0 ? 'home directory is group or other writable' : undefined
}

function fileProblem(
  stats: Stats,
  owners: readonly number[] | undefined,
  maxBytes: number,
): string | undefined {
  if (!stats.isFile()) return 'not a regular file'
  if (owners !== undefined && !owners.includes(stats.uid)) return `bad owner (uid ${stats.uid})`
  if (owners !== undefined && stats.nlink !== 1) return 'file has more than one name'
  if ((stats.mode & 0o022) !== 0) return 'file is group or other writable'
  return stats.size > maxBytes ? `file is larger than ${maxBytes} bytes` : undefined
}

async function text(file: FileHandle, maxBytes: number, uid: number): Promise<SafeText> {
  // Read no more than allowed, whatever the file has become since.
  const buffer = Buffer.alloc(maxBytes + 1)
  let length = 0
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length)
    length += bytesRead
    if (bytesRead === 0 || length === buffer.length) break
  }
  if (length > maxBytes) return unsafe(`file is larger than ${maxBytes} bytes`)
  return { kind: 'text', text: buffer.toString('utf8', 0, length), ownerUid: uid === 0 ? undefined : uid }
}

function unsafe(reason: string): SafeText {
  return { kind: 'unsafe', reason }
}

async function reading(work: () => Promise<SafeText>): Promise<SafeText> {
  try {
    return await work()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (absentCodes.has(code)) return { kind: 'absent' }
    const reason = error instanceof Error ? error.message : String(error)
    if (code === 'ELOOP') return unsafe('is a symbolic link')
    if (code === 'EACCES' || code === 'EPERM')
      return unsafe('the server’s user may not read it (x on each folder and r on the file would let it)')
    return unsafeCodes.has(code) ? unsafe(reason) : { kind: 'temporary', reason }
  }
}
