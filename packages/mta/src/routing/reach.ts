import { splitRecipientDelimiter } from '@posthorn/mail'
import type { Account } from '@posthorn/storage'
import type { AddressClasses } from './address-classes.ts'
import type { Gathering, Refused, Walk } from './expansion.ts'
import type { LocalTransports } from './local-transports.ts'
import type { RoutingOptions } from './routing-options.ts'
import type { Transport } from './transport.ts'

export interface ReachParts {
  readonly options: RoutingOptions
  readonly classes: AddressClasses
  readonly localTransports: LocalTransports
}

/** What a local part at one of our domains names: an alias, an account, a reserved name. */
export interface LocalName {
  readonly name: string
  readonly user: string
  readonly extension: string | undefined
}

export function localName(address: string, delimiter: string): LocalName {
  // `bob+a..b` is written `"bob+a..b"`, and is Bob's all the same.
  const name = unquote(address.slice(0, address.lastIndexOf('@')).toLowerCase())
  const { user, extension } = splitRecipientDelimiter(name, delimiter)
  return { name, user, extension }
}

function unquote(local: string): string {
  return local.startsWith('"') && local.endsWith('"') ? local.slice(1, -1).replace(/\\(.)/g, '$1') : local
}

/** Postfix: local(8) serves the domains of mydestination alone. */
export function localTransport(
  parts: Pick<ReachParts, 'localTransports' | 'classes'>,
  local: LocalName,
  domain: string,
  which: 'mailbox' | 'command' | 'fallback',
): Transport | undefined {
  return parts.classes.classOf(domain) === 'local' ? parts.localTransports[which](local, domain) : undefined
}

/** The transport has the address as it is, and says itself what it adds. Postfix: deliver_pass(). */
export function passOn(transport: Transport, address: string, walk: Walk, gathering: Gathering): void {
  reach(gathering, `pass ${transport.transport}:${transport.nextHop} ${address.toLowerCase()}`, {
    deliveredTo: undefined,
    sender: walk.sender,
    leaf: { kind: 'remote', address, transport },
  })
}

/** @param mailbox default: INBOX */
export function reachMailbox(
  parts: ReachParts,
  account: Account,
  address: string,
  walk: Walk,
  gathering: Gathering,
  mailbox?: string,
): void {
  if (parts.localTransports.any) {
    const local = localName(address, parts.options.recipientDelimiter ?? '')
    const domain = address.slice(address.lastIndexOf('@') + 1)
    const taken =
      localTransport(parts, local, domain, 'mailbox') ?? localTransport(parts, local, domain, 'command')
    if (taken !== undefined) {
      passOn(taken, address, walk, gathering)
      return
    }
  }
  const key = mailbox === undefined ? accountKey(account) : `${accountKey(account)} ${mailbox}`
  reach(gathering, key, {
    deliveredTo: walk.entry,
    sender: walk.sender,
    leaf: {
      kind: 'mailbox',
      account,
      address: walk.path.length === 0 ? address : account.address,
      ...(mailbox !== undefined && { mailbox }),
    },
  })
}

export const accountKey = (account: Account): string => `account ${account.id}`

/** Each destination once, however many aliases lead to it. */
export function reach(gathering: Gathering, key: string, delivery: Gathering['deliveries'][number]): void {
  gathering.served++
  if (gathering.reached.has(key)) return
  gathering.reached.add(key)
  gathering.added.push(key)
  gathering.deliveries.push(delivery)
}

/** @param agent default: error(8) */
export function fail(
  gathering: Gathering,
  walk: Walk,
  address: string,
  { status, text, agent }: Refused & { readonly agent?: 'local' | 'virtual' },
): void {
  reach(gathering, `error ${address} ${text}`, {
    deliveredTo: walk.entry,
    sender: walk.sender,
    leaf: { kind: 'error', address, status, text, ...(agent === undefined ? {} : { agent }) },
  })
}

/** Nobody has the name. Postfix: local(8) names the user, virtual(8) the address. */
export function failUnknown(
  { classes }: Pick<ReachParts, 'classes'>,
  address: string,
  name: string,
  walk: Walk,
  gathering: Gathering,
): void {
  const agent =
    classes.classOf(address.slice(address.lastIndexOf('@') + 1)) === 'mailbox' ? 'virtual' : 'local'
  const text = `unknown user: "${agent === 'virtual' ? address : name}"`
  fail(gathering, walk, address, { status: '5.1.1', text, agent })
}
