/** A command or file with the rights under which it is served. */
export interface OwnedTarget {
  /** User of the system who owns the `.forward` or `:include:` file that names it. Never root. */
  readonly uid: number
  /** Command line or path. */
  readonly target: string
}

/** Transports of what users' own files name; as local(8) does, each is served as its user. */
export const ownedTransports = { command: 'user_command', file: 'user_file' } as const

/** Next hop of such a transport: two users' like commands are two destinations. */
export const formatOwned = ({ uid, target }: OwnedTarget): string => `${uid} ${target}`

/** undefined: none, or root's. */
export function parseOwned(nextHop: string): OwnedTarget | undefined {
  const found = /^([1-9]\d{0,9}) (.+)$/s.exec(nextHop)
  return found === null ? undefined : { uid: Number(found[1]), target: found[2] ?? '' }
}
