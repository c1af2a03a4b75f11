import { execFileSync } from 'node:child_process'
import { userInfo } from 'node:os'
import type { LocalUser } from '@posthorn/mta'
import { isKeptFromPrograms } from '@posthorn/storage'
import { idOf } from './user-ids.ts'

/** Looks a user up once, at the first delivery: by then the process has become who it will be. */
export function createLocalUsers(): (name: string) => LocalUser {
  const known = new Map<string, LocalUser>()
  return (name) => {
    const user = known.get(name) ?? localUser(name)
    known.set(name, user)
    return user
  }
}

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
  const home = homeOf(name)
  if (self === 0 && !isKeptFromPrograms())
    return { kind: 'none', reason: `npm koffi is missing: what runs as ${name} would have the index open` }
  if (self === 0) return { kind: 'other', uid: ids.uid, gid, ...home }
  // Only root changes groups: ours must be the one asked for.
  const isOurs = group === undefined || gid === process.getgid?.()
  if (ids.uid === self && isOurs) return { kind: 'self', ...home }
  const own = userInfo().username
  return {
    kind: 'none',
    reason: `the server runs as ${own} and cannot become ${given}; default_privs = ${own}, or user=${own} of pipe, would serve it as ${own}`,
  }
}

/** For commands that look for files of their own there. */
function homeOf(name: string): { readonly home?: string } {
  try {
    const line = execFileSync('getent', ['passwd', name], { stdio: ['ignore', 'pipe', 'ignore'] })
    const home = line.toString().split(':')[5]
    return home === undefined || home === '' ? {} : { home }
  } catch {
    return {}
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
