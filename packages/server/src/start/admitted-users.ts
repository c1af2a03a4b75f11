import { execFileSync } from 'node:child_process'
import type { Log } from '@posthorn/mail'
import { createDomainList, createTables } from '@posthorn/mta'
import type { Config } from '../config/config.ts'
import { admitsEverybody, type UserListParameter } from '../config/user-lists.ts'

/** Who may: users by name, `!name`, `/file`, `type:table`. Root and the server's own user always may. Postfix: authorized_mailq_users. */
export function admittedUsers(
  config: Config,
  parameter: UserListParameter,
  log: Log,
  ownUid: number | undefined = process.getuid?.(),
): (uid: number) => boolean {
  if (admitsEverybody(config, parameter)) return () => true
  const context = {
    log,
    now: Date.now,
    unsafeFiles: config.values.unsafe_files,
    folder: config.folder,
  }
  const list = createDomainList(config.values[parameter], { ...context, tables: createTables(context) })
  return (uid) => uid === 0 || uid === ownUid || list.has(userName(uid))
}

/** `id` asks every source of users that the system has. One without a name is its number, behind `prefix`. */
export function userName(uid: number, prefix = ''): string {
  try {
    return execFileSync('id', ['-un', '--', String(uid)], { stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim()
  } catch {
    return `${prefix}${uid}`
  }
}
