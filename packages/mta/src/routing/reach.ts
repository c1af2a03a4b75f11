import { splitRecipientDelimiter } from '@posthorn/mail'
import type { Account } from '@posthorn/storage'
import type { AddressClasses } from './address-classes.ts'
import type { Gathering, Walk } from './expansion.ts'
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

export function fail(gathering: Gathering, walk: Walk, address: string, status: string, text: string): void {
  reach(gathering, `error ${address} ${text}`, {
    deliveredTo: walk.entry,
    sender: walk.sender,
    leaf: { kind: 'error', address, status, text },
  })
}
