import type { Config } from './config.ts'

export type UserListParameter =
  | 'authorized_mailq_users'
  | 'authorized_flush_users'
  | 'authorized_submit_users'

/** Nobody need be asked who it is. */
export const admitsEverybody = ({ values }: Config, parameter: UserListParameter): boolean =>
  values[parameter].length === 1 && values[parameter][0] === 'static:anyone'
