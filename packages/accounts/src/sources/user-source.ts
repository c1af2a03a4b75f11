import type { TokenValidator } from '../tokens/token-validator.ts'

/** A user as another system knows him. */
export interface SourceUser {
  /** Where `.forward` lives; '' = by the server's home_directory parameter. */
  readonly home: string
  /** Octets; absent or 0 = the server's mailbox_size_limit. */
  readonly quotaBytes?: number
}

/** `unavailable`: it could not be asked; the login is to be tried again later. */
export type SourceVerdict = 'right' | 'wrong' | 'unavailable'

/**
 * Users and passwords beside the store: a passwd-file, the system. Addresses are canonical (`local@domain`,
 * lower case). Methods never throw: what goes wrong is logged where it is known.
 */
export interface UserSource {
  /** For the log: `passwd-file /etc/posthorn/users`. */
  readonly name: string
  /** undefined: no such user. */
  find?(address: string): Promise<SourceUser | undefined>
  check?(address: string, password: Buffer): Promise<SourceVerdict>
  /** Changes whenever its answers do; absent when nobody can tell, and then no refusal is remembered. */
  stamp?(): Promise<string>
}

export interface UserSources {
  /** Dovecot: passdb. Asked in turn after the store, until one says yes. */
  readonly passwords: readonly UserSource[]
  /** Dovecot: userdb. Who is known here gets his account at his first mail or login. */
  readonly users: readonly UserSource[]
  /** Dovecot: passdb oauth2. Asked in turn until one says yes. */
  readonly tokens: readonly TokenValidator[]
}

export const noSources: UserSources = { passwords: [], users: [], tokens: [] }

/** How a source that has system users calls an address: the local part at the default domain, all of it elsewhere. */
export function sourceName(address: string, defaultDomain: string): string {
  const at = address.lastIndexOf('@')
  return address.slice(at + 1) === defaultDomain ? address.slice(0, at) : address
}
