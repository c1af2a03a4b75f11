import { addressVerification } from './address-verification.ts'
import { client } from './client.ts'
import { clientLmtp } from './client-lmtp.ts'
import { clientTls } from './client-tls.ts'
import { contentChecks } from './content-checks.ts'
import { filters } from './filters.ts'
import { greylisting } from './greylisting.ts'
import { identity } from './identity.ts'
import { limits } from './limits.ts'
import { listeners } from './listeners.ts'
import { localDelivery } from './local-delivery.ts'
import { localTransports } from './local-transports.ts'
import { logging } from './logging.ts'
import type { Parameter } from './parameter.ts'
import { postscreen } from './postscreen.ts'
import { queue } from './queue.ts'
import { reading } from './reading.ts'
import { relaying } from './relaying.ts'
import { rewriting } from './rewriting.ts'
import { tlsAndLogin } from './tls-and-login.ts'

/** In the order of docs/config.md. */
export const groups = {
  'Names and domains': identity,
  'Ports and processes': listeners,
  'TLS and login': tlsAndLogin,
  'Relaying and restrictions': relaying,
  Greylisting: greylisting,
  Limits: limits,
  'Aliases and local delivery': localDelivery,
  'Other deliverers, list owners, return paths': localTransports,
  'Address rewriting': rewriting,
  'Content checks': contentChecks,
  'Address verification': addressVerification,
  'Tests before the greeting': postscreen,
  'External filters': filters,
  'Queue and routing': queue,
  'Mail to other servers': client,
  'TLS and login at other servers': clientTls,
  'Mail to LMTP servers': clientLmtp,
  'POP3 and IMAP': reading,
  'Logs and paths': logging,
} as const

/** Every parameter, once. */
export const schema = {
  ...identity,
  ...listeners,
  ...tlsAndLogin,
  ...relaying,
  ...greylisting,
  ...limits,
  ...localDelivery,
  ...localTransports,
  ...rewriting,
  ...contentChecks,
  ...postscreen,
  ...addressVerification,
  ...filters,
  ...queue,
  ...client,
  ...clientTls,
  ...clientLmtp,
  ...reading,
  ...logging,
} as const

export type ParameterName = keyof typeof schema

export const parameters: ReadonlyMap<string, Parameter> = new Map(Object.entries<Parameter>(schema))

type ValueOf<P> = P extends { readonly type: 'boolean' }
  ? boolean
  : P extends { readonly type: 'integer' | 'octets' | 'time' | 'port' }
    ? number
    : P extends { readonly type: 'list' | 'networks' | 'restrictions' | 'tables' }
      ? readonly string[]
      : P extends { readonly type: 'choice'; readonly values: readonly (infer V)[] }
        ? V
        : string

/** Each parameter's value in its own type: octets and counts as numbers, times in ms. */
export type ConfigValues = { readonly [N in ParameterName]: ValueOf<(typeof schema)[N]> }
