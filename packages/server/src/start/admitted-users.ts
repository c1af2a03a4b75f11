import { execFileSync } from 'node:child_process'
import type { Log } from '@posthorn/mail'
import { createDomainList, createTables } from '@posthorn/mta'
import type { Config } from '../config/config.ts'

export type UserListParameter =
  | 'authorized_mailq_users'
  | 'authorized_flush_users'
  | 'authorized_submit_users'

/** Nobody need be asked who it is. */
export const admitsEverybody = ({ values }: Config, parameter: UserListParameter): boolean =>
  values[parameter].length === 1 && values[parameter][0] === 'static:anyone'

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

/** `id` asks every source of users that the system has. One without a name is its number. */
function userName(uid: number): string {
  try {
    return execFileSync('id', ['-un', '--', String(uid)], { stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim()
  } catch {
    return String(uid)
  }
}
