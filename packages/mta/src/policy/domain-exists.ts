import { addressesOf, type Resolver } from '@posthorn/dns'
import { refusalOf } from './reply-text.ts'
import type { Subject } from './request.ts'
import type { PolicyParts } from './restriction.ts'
import { dunno, type Verdict } from './verdict.ts'

/** `user@host.domain`: two labels, or an address literal. */
export function isFqdn(domain: string): boolean {
  if (domain.startsWith('[')) return true
  const name = domain.endsWith('.') ? domain.slice(0, -1) : domain
  return name.includes('.') && name.split('.').every((label) => label.length > 0)
}

/** Postfix: reject_unknown_mailhost(). MX, then A and AAAA; a null MX refuses for good (RFC 7505, RFC 7504). */
export async function unknownDomainVerdict(
  domain: string,
  subject: Subject,
  parts: Pick<PolicyParts, 'codes'> & { readonly dns: Resolver },
): Promise<Verdict> {
  if (domain.startsWith('[')) return dunno
  const mx = await parts.dns.mx(domain)
  const code = parts.codes.unknownAddressRejectCode
  const status = subject.class === 'Sender address' ? '1.8' : '1.2'
  if (mx.kind === 'records') {
    if (mx.records.length !== 1 || mx.records[0]?.exchange !== '') return dunno
    const [nullCode, nullStatus] =
      subject.class === 'Sender address' ? ([550, '5.7.27'] as const) : ([556, '5.1.10'] as const)
    return {
      kind: 'refuse',
      refusal: refusalOf(subject, nullCode, nullStatus, `Domain ${domain} does not accept mail (nullMX)`),
    }
  }
  const addresses = mx.kind === 'temporary' ? mx : await addressesOf(parts.dns, domain)
  if (addresses.kind === 'records') return dunno
  if (addresses.kind === 'temporary') {
    const refusal = refusalOf(subject, 450, `4.${status}`, 'Domain not found')
    return { kind: parts.codes.unknownAddressTempfail === 'defer' ? 'refuse' : 'defer-if-permit', refusal }
  }
  return {
    kind: 'refuse',
    refusal: refusalOf(subject, code, `${code >= 500 ? 5 : 4}.${status}`, 'Domain not found'),
  }
}
