import { addressesOf } from '@posthorn/dns'
import { refusalOf } from '../reply-text.ts'
import { recipientSubject } from '../request.ts'
import { type PolicyParts, restriction } from '../restriction.ts'
import { dunno, permit, type Verdict } from '../verdict.ts'

/**
 * DNS names this machine as a mail server of the recipient's domain, though not as its best; with
 * permit_mx_backup_networks the best ones must be in those. Postfix: permit_mx_backup().
 */
export const permitMxBackup = restriction({
  names: ['permit_mx_backup'],
  make: (parts) => async (request) => {
    const { recipient } = request
    if (recipient === undefined) return dunno
    const { domain, routed, class: owner } = parts.addresses.classify(recipient)
    if (routed || owner !== 'default' || domain === '' || domain.startsWith('[')) return dunno
    const unknown: Verdict = {
      kind: 'defer-if-reject',
      refusal: refusalOf(
        recipientSubject(request),
        450,
        '4.4.4',
        'Unable to look up mail exchanger information',
      ),
    }
    const mx = await parts.dns.mx(domain)
    if (mx.kind === 'temporary') return unknown
    if (mx.kind !== 'records') return dunno
    const best = Math.min(...mx.records.map(({ preference }) => preference))
    const own = await ownServer(parts, mx.records)
    if (own === 'unknown') return unknown
    if (own === undefined || own.preference <= best) return dunno
    const primaries = mx.records.filter(({ preference }) => preference === best)
    return permitPrimaries(
      parts,
      primaries.map(({ exchange }) => exchange),
      unknown,
    )
  },
})

type Record = { readonly preference: number; readonly exchange: string }

/** Our best place in the list. A name whose addresses nobody can tell now may be ours. */
async function ownServer(
  parts: PolicyParts,
  records: readonly Record[],
): Promise<Record | 'unknown' | undefined> {
  let silent = false
  for (const record of records) {
    if (parts.isOwnName(record.exchange)) return record
    const found = await addressesOf(parts.dns, record.exchange)
    if (found.kind === 'temporary') silent = true
    if (found.kind === 'records' && found.records.some((address) => parts.isOwnAddress(address)))
      return record
  }
  return silent ? 'unknown' : undefined
}

async function permitPrimaries(
  parts: PolicyParts,
  hosts: readonly string[],
  unknown: Verdict,
): Promise<Verdict> {
  const networks = parts.mxBackupNetworks
  if (networks === undefined) return permit
  for (const host of hosts) {
    const found = await addressesOf(parts.dns, host)
    if (found.kind === 'temporary') return unknown
    if (found.kind !== 'records' || !found.records.every((address) => networks.has(address))) return dunno
  }
  return permit
}
