import { readFile, stat } from 'node:fs/promises'
import type { Log } from '@posthorn/mail'
import { verifyStored } from '../schemes/stored-password.ts'
import { type PasswdLine, parsePasswdLine } from './passwd-line.ts'
import { type SourceUser, sourceName, type UserSource } from './user-source.ts'

/** A file that changed is noticed after so long. */
const lookAgainMs = 1_000
const maxFileBytes = 256 << 20

interface PasswdFileParts {
  readonly path: string
  readonly defaultDomain: string
  /** Users with a smaller uid have no mail: daemons. Lines without a uid are always users. */
  readonly firstUid?: number
  readonly lastUid?: number
  readonly now: () => number
  readonly log: Log
}

interface Contents {
  readonly users: ReadonlyMap<string, PasswdLine>
  readonly stamp: string
}

/** Dovecot: `driver = passwd-file`, and /etc/passwd. Read again when it changes; the old contents serve while it cannot be read. */
export function createPasswdFile(parts: PasswdFileParts): UserSource {
  const { path, defaultDomain, now, log } = parts
  let contents: Contents = { users: new Map(), stamp: '' }
  let nextLookMs = Number.NEGATIVE_INFINITY
  let looking: Promise<void> | undefined
  let fault = ''

  async function look(): Promise<void> {
    try {
      const { mtimeMs, size, ino, mode } = await stat(path)
      const stamp = `${mtimeMs} ${size} ${ino}`
      if ((mode & 0o022) !== 0) throw new Error('group or others may write it; the old contents stay')
      if (stamp !== contents.stamp) {
        if (size > maxFileBytes) throw new Error(`larger than ${maxFileBytes} octets`)
        contents = { users: readUsers(await readFile(path, 'utf8')), stamp }
        tellProblems(parts, contents.users)
      }
      fault = ''
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      if (text !== fault) log({ level: 'error', service: 'auth', text: `passwd-file ${path}: ${text}` })
      fault = text
    }
  }

  async function current(): Promise<ReadonlyMap<string, PasswdLine>> {
    if (now() >= nextLookMs || now() < nextLookMs - lookAgainMs) {
      nextLookMs = now() + lookAgainMs
      looking = look().finally(() => {
        looking = undefined
      })
    }
    await looking
    return contents.users
  }

  async function lineOf(address: string): Promise<PasswdLine | undefined> {
    const users = await current()
    const line = users.get(address) ?? users.get(sourceName(address, defaultDomain))
    return line === undefined || isDaemon(line, parts) ? undefined : line
  }

  return {
    name: `passwd-file ${path}`,
    async stamp() {
      await current()
      return contents.stamp
    },
    async find(address): Promise<SourceUser | undefined> {
      const line = await lineOf(address)
      return line && { home: line.home, quotaBytes: line.quotaBytes }
    },
    async check(address, password) {
      const line = await lineOf(address)
      if (line === undefined) return fault !== '' && contents.stamp === '' ? 'unavailable' : 'wrong'
      if (line.problem !== undefined) return 'wrong'
      return (await verifyStored(line.password, password)) ? 'right' : 'wrong'
    },
  }
}

/** The first line of a name counts, as in passwd(5). */
function readUsers(text: string): ReadonlyMap<string, PasswdLine> {
  const users = new Map<string, PasswdLine>()
  for (const row of text.split('\n')) {
    const line = parsePasswdLine(row.replace(/\r$/, ''))
    const user = line?.user.normalize('NFC').toLowerCase()
    if (line !== undefined && user !== undefined && !users.has(user)) users.set(user, line)
  }
  return users
}

function isDaemon({ uid }: PasswdLine, { firstUid = 0, lastUid = 0 }: PasswdFileParts): boolean {
  if (uid === undefined) return false
  return uid < firstUid || (lastUid > 0 && uid > lastUid)
}

function tellProblems({ path, log }: PasswdFileParts, users: ReadonlyMap<string, PasswdLine>): void {
  const worth = [...users.values()].filter(
    ({ password, problem }) => password !== '' && problem !== undefined,
  )
  for (const { user, problem } of worth.slice(0, 10))
    log({ level: 'warning', service: 'auth', text: `passwd-file ${path}: ${user} cannot log in: ${problem}` })
}
