import type { AddressClass } from '../policy/address-book.ts'
import { asciiName } from '../tables/index.ts'
import { ExpansionError, type Gathering, maxLevels, type Walk } from './expansion.ts'
import { deliverLocal } from './local-delivery.ts'
import { fail, reach, reachMailbox } from './reach.ts'
import type { VerifyParts } from './verify.ts'

/** One address, a step further: by virtual aliases, to a transport, or into a user's hands. */
export async function follow(
  parts: VerifyParts,
  given: string,
  walk: Walk,
  gathering: Gathering,
): Promise<void> {
  const direct = walk.path.length > maxLevels ? undefined : parts.direct.find(given)
  if (direct !== undefined) {
    const here = walk.entry === undefined ? { ...walk, entry: direct.address } : walk
    return reachMailbox(parts, direct.account, direct.address, here, gathering)
  }
  const { address } = parts.classes.unroute(given)
  const domain = address.slice(address.lastIndexOf('@') + 1)
  const kind = parts.classes.classOf(domain)
  // Postfix's local(8) hands what is not local back to cleanup(8), which asks virtual_alias_maps.
  if (walk.from !== 'envelope' && kind !== 'local' && kind !== 'mailbox' && parts.virtual.has(address)) {
    const expanded = parts.virtual.expand(address)
    if (expanded.kind === 'unreasonable') {
      parts.log({ level: 'warning', service: 'local', text: expanded.text })
      throw new ExpansionError('4.6.0', expanded.text)
    }
    if (!walk.path.includes(`virtual ${address}`)) {
      const next: Walk = { ...walk, path: [...walk.path, `virtual ${address}`] }
      for (const one of expanded.addresses) {
        const pause = gathering.turn.pass()
        if (pause !== undefined) await pause
        await follow(parts, one, next, gathering)
      }
      return
    }
  }
  if (kind === 'virtual-alias') {
    return fail(gathering, walk, address, { status: '5.1.1', text: 'User unknown in virtual alias table' })
  }
  const transport = parts.transports.choose(address, kind, () => walk.sender ?? walk.envelopeSender)
  if (transport === undefined) return deliverLocal(parts, ownAddress(parts, address, kind), walk, gathering)
  const sender = walk.sender ?? forwarder(parts, address, kind, walk)
  reach(gathering, `remote ${foldDomain(address)}`, {
    deliveredTo: walk.entry,
    sender,
    leaf: { kind: 'remote', address, transport },
  })
}

/** srs_domain: who answers for mail of a stranger that leaves again for a stranger. undefined: its own sender. */
function forwarder(parts: VerifyParts, address: string, kind: AddressClass, walk: Walk): string | undefined {
  const { senderRewriting, classes, now } = parts
  const { envelopeSender } = walk
  if (senderRewriting === undefined || kind !== 'default' || envelopeSender === '') return undefined
  if (address.toLowerCase() === walk.original.toLowerCase()) return undefined
  const domain = asciiName(envelopeSender.slice(envelopeSender.lastIndexOf('@') + 1))
  return classes.classOf(domain) === 'default' ? senderRewriting.forward(envelopeSender, now()) : undefined
}

/** transport(5) `local:` for a domain that is not ours: the user of that name here. */
function ownAddress(parts: VerifyParts, address: string, kind: AddressClass): string {
  if (kind === 'local' || kind === 'mailbox') return address
  return `${address.slice(0, address.lastIndexOf('@'))}@${parts.classes.shared[0] ?? parts.options.myorigin}`
}

/** Local parts of other systems keep their case. RFC 5321 §2.4. */
function foldDomain(address: string): string {
  const at = address.lastIndexOf('@')
  return address.slice(0, at) + address.slice(at).toLowerCase()
}
