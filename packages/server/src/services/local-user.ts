import { execFileSync } from 'node:child_process'
import { userInfo } from 'node:os'
import type { LocalUser } from '@posthorn/mta'
import { isKeptFromPrograms } from '@posthorn/storage'
import { idOf } from './user-ids.ts'

/** Each look-up starts programs. Users come and go while the server runs. */
const maxAgeMs = 60_000
const maxEntries = 10_000

/** Looks a user up at a delivery, and not again for a minute: by then the process has become who it will be. */
export const createLocalUsers = (now: () => number = Date.now): ((name: string) => LocalUser) =>
  remembered(localUser, now)

/**
 * As whom commands and files that a user's own file names are served, by the owner of that file: himself where the
 * server is root, `default` where he has no name. Postfix: local(8), DELIVERY RIGHTS.
 */
export const createFileOwners = (
  whoElse: () => LocalUser,
  now: () => number = Date.now,
): ((uid: number) => LocalUser) => {
  const ownerNamed = remembered(fileOwner, now)
  return (uid) => {
    const self = process.getuid?.()
    if (self === 0) return ownerNamed(uid) ?? whoElse()
    const user = whoElse()
    // Who owns the file would have the rights of the server.
    return user.kind === 'self' && uid !== self
      ? { kind: 'none', reason: `the server cannot become the owner of the file that names it (uid ${uid})` }
      : user
  }
}

function remembered<K, V>(look: (key: K) => V, now: () => number): (key: K) => V {
  const known = new Map<K, { readonly value: V; readonly untilMs: number }>()
  return (key) => {
    const found = known.get(key)
    if (found !== undefined && found.untilMs > now()) return found.value
    if (known.size >= maxEntries) known.clear()
    const value = look(key)
    known.set(key, { value, untilMs: now() + maxAgeMs })
    return value
  }
}

/** undefined: nobody has the number. */
function fileOwner(uid: number): LocalUser | undefined {
  const entry = passwdEntry(String(uid))
  if (entry === undefined || uid === 0) return undefined
  if (!isKeptFromPrograms()) return { kind: 'none', reason: indexIsOpen(entry.name) }
  return { kind: 'other', uid, ...entry }
}

const indexIsOpen = (name: string): string =>
  `npm koffi is missing: what runs as ${name} would have the index open`

/** As whom `|command` and `/file` are served, and programs of pipe(8) and spawn(8): `name` or `name:group`. Never root. */
function localUser(given: string): LocalUser {
  const [name = '', group] = given.split(':')
  const self = process.getuid?.()
  let ids: { readonly uid: number; readonly gid: number }
  try {
    ids = { uid: idOf(name, '-u'), gid: idOf(name, '-g') }
  } catch {
    return { kind: 'none', reason: `${name}: no such user (default_privs, or user= of pipe)` }
  }
  if (ids.uid === 0) return { kind: 'none', reason: `${name} is root (default_privs, or user= of pipe)` }
  const gid = group === undefined ? ids.gid : groupId(group)
  if (gid === undefined) return { kind: 'none', reason: `${group}: no such group (user=${given} of pipe)` }
  if (group !== undefined && gid === 0)
    return { kind: 'none', reason: `${group} is root's group (user=${given} of pipe)` }
  const home = passwdEntry(name)?.home
  const inHome = home === undefined ? {} : { home }
  if (self === 0 && !isKeptFromPrograms()) return { kind: 'none', reason: indexIsOpen(name) }
  if (self === 0) return { kind: 'other', uid: ids.uid, gid, ...inHome }
  // Only root changes groups: ours must be the one asked for.
  const isOurs = group === undefined || gid === process.getgid?.()
  if (ids.uid === self && isOurs) return { kind: 'self', ...inHome }
  const own = userInfo().username
  return {
    kind: 'none',
    reason: `the server runs as ${own} and cannot become ${given}; default_privs = ${own}, or user=${own} of pipe, would serve it as ${own}`,
  }
}

interface PasswdEntry {
  readonly name: string
  readonly gid: number
  /** For commands that look for files of their own there. */
  readonly home?: string
}

/** By name or number; undefined: none. */
function passwdEntry(key: string): PasswdEntry | undefined {
  try {
    const line = execFileSync('getent', ['passwd', key], { stdio: ['ignore', 'pipe', 'ignore'] })
    const [name = '', , , gid = '', , home = ''] = line.toString().trimEnd().split(':')
    return { name, gid: Number(gid), ...(home === '' ? {} : { home }) }
  } catch {
    return undefined
  }
}

function groupId(name: string): number | undefined {
  try {
    const line = execFileSync('getent', ['group', name], { stdio: ['ignore', 'pipe', 'ignore'] })
    return Number(line.toString().split(':')[2])
  } catch {
    return undefined
  }
}
