import type { Config } from './config.ts'

export type UserListParameter =
  | 'authorized_mailq_users'
  | 'authorized_flush_users'
  | 'authorized_submit_users'

/** Nobody need be asked who it is. */
export const admitsEverybody = ({ values }: Config, parameter: UserListParameter): boolean =>
  values[parameter].length === 1 && values[parameter][0] === 'static:anyone'

/** Whether users of this machine may name any sender: nothing has to be asked. */
export const allowsAnySender = ({ values }: Pick<Config, 'values'>): boolean =>
  values.local_login_sender_maps.every((spec) => spec === 'static:*')
