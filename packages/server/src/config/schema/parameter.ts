/**
 * - `string`; `boolean` yes/no; `integer`; `octets` (with k, M, G); `time` in ms (s m h d w; a bare number is
 *   in `unit`); `port` 0–65535, 0 = off; `choice` one of `values`
 * - `list` words separated by commas or blanks; `networks`, `restrictions`, `tables`, `addresses`: lists whose
 *   words mean that
 * - `file` a path, relative to main.cf's folder; Dovecot's leading `<` is accepted; '' = none
 */
export type ParameterType =
  | 'string'
  | 'boolean'
  | 'integer'
  | 'octets'
  | 'time'
  | 'port'
  | 'choice'
  | 'list'
  | 'networks'
  | 'restrictions'
  | 'tables'
  | 'file'

export type TimeUnit = 's' | 'm' | 'h' | 'd' | 'w'

export interface Declaration {
  readonly type: ParameterType
  /** As in main.cf; may name other parameters (`$mydomain`). */
  readonly default: string
  /** Found on this machine instead of `default`: see computed.ts. */
  readonly computed?: true
  readonly values?: readonly string[]
  readonly unit?: TimeUnit
  readonly min?: number
  readonly max?: number
  /** `$name` in the value is filled in at use, not when read. */
  readonly raw?: true
  /** `restart`: a change takes effect when the server is started again. */
  readonly change?: 'restart'
  /** Accepted and answered, without effect here: the reason and what to use instead. */
  readonly instead?: string
  /** `asked`: nothing here depends on it but scripts that ask. `later`: accepted, not in effect yet. */
  readonly effect?: 'asked' | 'later'
  /** The smtp_ parameter that is read in its place: lmtp(8) is smtp(8) by another name. */
  readonly twin?: string
  /** One paragraph for docs/config.md and the sample. */
  readonly doc: string
}

export type Origin = 'postfix' | 'dovecot' | 'posthorn'

/** Keep the literal types: they make the types of Config. */
export const postfix = <const D extends Declaration>(declaration: D) => ({
  ...declaration,
  origin: 'postfix' as const,
})
export const dovecot = <const D extends Declaration>(declaration: D) => ({
  ...declaration,
  origin: 'dovecot' as const,
})
export const posthorn = <const D extends Declaration>(declaration: D) => ({
  ...declaration,
  origin: 'posthorn' as const,
})

export type Parameter = Declaration & { readonly origin: Origin }
