/** Root binds ports and nothing more: what touches strangers' octets runs as `mail_owner`. */
import { lchownSync, statSync } from 'node:fs'
import type { Config } from '../config/config.ts'
import { outsideLists, runsAsServer } from '../services/outside-targets.ts'
import { idOf } from '../services/user-ids.ts'
import { StartError } from '../start-error.ts'

export interface MailOwner {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

const iAmRoot = (): boolean => process.getuid?.() === 0

/** The user to become; undefined when this is not root, or nobody is named. Postfix: mail_owner. */
export function mailOwner({ values, file }: Config): MailOwner | undefined {
  const name = values.mail_owner
  if (name === '' || !iAmRoot()) return undefined
  let owner: MailOwner
  try {
    owner = { name, uid: idOf(name, '-u'), gid: idOf(name, '-g') }
  } catch (error) {
    throw new StartError(
      `${file}: mail_owner = ${name}: no such user`,
      `make it: useradd --system --shell /usr/sbin/nologin ${name}`,
      { cause: error },
    )
  }
  if (owner.uid === 0)
    throw new StartError(`${file}: mail_owner = ${name} is root`, 'name a user of its own, or nobody')
  return owner
}

/** What an administrator should know about who we are. */
export function ownerWarnings(config: Config): readonly string[] {
  return [...ownUserWarnings(config), ...forwardWarnings(config)]
}

const forwardWarnings = ({ values }: Config): readonly string[] =>
  outsideLists
    .filter((name) => values[name].includes('forward') && runsAsServer(values))
    .map(
      (name) =>
        `${name}: forward is passed over: what a .forward names would run as ${values.default_privs}, who owns all mail`,
    )

function ownUserWarnings({ values }: Config): readonly string[] {
  if (iAmRoot() && values.mail_owner === '')
    return ['running as root: set mail_owner to a user of its own, whom a fault would hurt less']
  if (!iAmRoot() && values.mail_owner !== '')
    return [`mail_owner = ${values.mail_owner} has no effect: not started as root`]
  return []
}

/**
 * The data folder must be the owner's: a new one becomes so. Somebody else's is refused, since files that
 * root makes there would lock that user out.
 */
export function giveDataFolder(path: string, owner: MailOwner | undefined, made: 'new' | 'found'): void {
  if (!iAmRoot()) return
  const wanted = owner?.uid ?? 0
  if (made === 'new' && owner !== undefined) lchownSync(path, owner.uid, owner.gid)
  const { uid } = statSync(path)
  if (uid === wanted) return
  throw new StartError(
    `the data folder ${path} belongs to uid ${uid}, and the server would run as ${owner?.name ?? 'root'}`,
    owner === undefined
      ? 'set mail_owner to the owner of the folder, or start as that user'
      : `chown -R ${owner.name} ${path}`,
  )
}

/**
 * Does synchronous work on files as the owner. Root itself must not write in a folder of somebody else, who
 * could have put a symbolic link in the way.
 */
export function asOwner<T>(owner: MailOwner | undefined, work: () => T): T {
  if (owner === undefined) return work()
  process.setegid?.(owner.gid)
  process.seteuid?.(owner.uid)
  try {
    return work()
  } finally {
    process.seteuid?.(0)
    process.setegid?.(0)
  }
}

/** The same with the owner's groups, of which files may be, for who only looks. */
export function asServer<T>(owner: MailOwner | undefined, work: () => T): T {
  if (owner === undefined) return work()
  const groups = process.getgroups?.() ?? []
  ;(process as GroupProcess).initgroups?.(owner.name === '' ? owner.uid : owner.name, owner.gid)
  try {
    return asOwner(owner, work)
  } finally {
    process.setgroups?.(groups)
  }
}

/** Missing in Node's types. */
interface GroupProcess {
  initgroups?(user: string | number, extraGroup: number): void
}

/** For good: this process cannot be root again. */
export function becomeOwner({ name, uid, gid }: MailOwner): void {
  try {
    ;(process as GroupProcess).initgroups?.(name, gid)
    process.setgid?.(gid)
    process.setuid?.(uid)
  } catch (error) {
    throw new StartError(
      `cannot become ${name} (mail_owner): ${error instanceof Error ? error.message : String(error)}`,
      'start as root with CAP_SETUID and CAP_SETGID, or start as that user',
      { cause: error },
    )
  }
}
