import { type ClientName, zoneFileResolver } from '@posthorn/dns'
import type { LogEvent } from '@posthorn/mail'
import { createTables } from '../tables/index.ts'
import {
  type AddressBook,
  type AddressClass,
  createPolicy,
  type PolicyCommand,
  type PolicyOptions,
  type PolicyRequest,
  refusalText,
} from './index.ts'

/** A policy with invented domains and names, for tests. */
const zone = `
good.net. MX 10 mx.good.net.
mx.good.net. A 192.0.2.10
addr.net. AAAA 2001:db8::1
nullmx.net. MX 0 .
backed.net. MX 10 mx.good.net.
backed.net. MX 20 us.org.
first.net. MX 10 us.org.
addressed.net. MX 10 mx.good.net.
addressed.net. MX 20 other.us.org.
other.us.org. A 198.51.100.1
halfway.net. MX 10 mx.good.net.
halfway.net. MX 20 slow.net.
spammer.net. MX 10 mail.evil.net.
spammer.net. NS ns.evil.net.
spammer.net. A 203.0.113.7
mail.evil.net. A 203.0.113.66
ns.evil.net. A 203.0.113.53
slow.net. FAIL timeout
9.2.0.192.bl.example. A 127.0.0.4
9.2.0.192.bl.example. TXT "see\\http://bl"
spam.net.dbl.example. A 127.0.1.2
8.2.0.192.wl.example. A 127.0.5.1
`

const classes: Readonly<Record<string, AddressClass>> = {
  'us.org': 'local',
  'box.org': 'mailbox',
  'va.org': 'virtual-alias',
  'relay.org': 'relay',
}

const addresses: AddressBook = {
  complete: (address) => (address === '' || address.includes('@') ? address : `${address}@us.org`),
  classify(address) {
    const complete = this.complete(address)
    const domain = complete.slice(complete.lastIndexOf('@') + 1).toLowerCase()
    const routed = /[%!@]/.test(complete.slice(0, complete.lastIndexOf('@')))
    return { class: classes[domain] ?? 'default', routed, domain }
  },
  verify(address) {
    if (address.startsWith('nobody'))
      return Promise.resolve({ kind: 'unknown', table: 'local recipient table' })
    if (address.startsWith('broken')) return { kind: 'temporary', reason: 'x' }
    if (address.startsWith('off'))
      return { kind: 'refused', status: '5.1.1', text: 'local delivery is disabled' }
    return { kind: 'known' }
  },
  isMember: async (list, sender) => list === 'staff@us.org' && sender.startsWith('member'),
  isSame: (one, other) => one.toLowerCase() === other.toLowerCase(),
  owns: (user, sender) => sender === user,
}

export const name = (status: ClientName['status'], text = 'unknown'): ClientName => ({
  name: text,
  reverseName: text,
  status,
  reverseStatus: status === 'forged' ? 'ok' : status,
})

export function request(
  over: Partial<PolicyRequest> & {
    address?: string
    client?: never
    clientName?: ClientName
    own?: true
  } = {},
): PolicyRequest {
  const { address, clientName, own, ...rest } = over
  return {
    command: 'RCPT',
    client: {
      address: address ?? '192.0.2.9',
      name: clientName ?? name('permanent'),
      inMyNetworks: own === true,
    },
    helo: 'client.net',
    protocol: 'ESMTP',
    encrypted: false,
    user: undefined,
    sender: 'a@good.net',
    recipient: 'bob@us.org',
    recipientCount: 0,
    sizeBytes: undefined,
    queueId: '',
    improperPipelining: false,
    ...rest,
  }
}

export const events: LogEvent[] = []
export const tables = createTables({ log: (event) => void events.push(event), now: () => 0 })

export function policyOf(options: Partial<PolicyOptions> & { recipient?: string } = {}) {
  const { recipient, ...rest } = options
  return createPolicy(
    {
      restrictions: {
        relay: 'permit_mynetworks, reject_unauth_destination',
        ...(recipient === undefined ? {} : { recipient }),
      },
      recipientDelimiter: '+',
      ...rest,
    },
    {
      tables,
      dns: zoneFileResolver(zone),
      addresses,
      greylist: { prepare: () => {}, verdict: () => ({ kind: 'dunno' }) },
      log: (event) => void events.push(event),
      now: () => 0,
    },
  )
}

export async function said(
  policy: ReturnType<typeof policyOf>,
  asked: PolicyRequest,
  command: PolicyCommand = 'rcpt',
) {
  const { refusal } = await policy.ask(command, asked)
  return refusal === undefined ? 'ok' : refusalText(refusal)
}
