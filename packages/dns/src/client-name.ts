import { addressGroups, reversedAddress } from './name.ts'
import type { Resolver } from './resolver.ts'

/**
 * What DNS says of a client, in Postfix's terms (reject_unknown_client_hostname,
 * reject_unknown_reverse_client_hostname): `name` only when the reverse name's addresses include the client.
 */
export interface ClientName {
  /** Verified name, or 'unknown'. */
  readonly name: string
  /** Name by PTR alone, or 'unknown'. */
  readonly reverseName: string
  readonly status: 'ok' | 'temporary' | 'permanent' | 'forged'
  readonly reverseStatus: 'ok' | 'temporary' | 'permanent'
}

/** A stranger's reverse zone may list thousands of names. */
const maxNamesTried = 5

export const unknownClient = (status: 'temporary' | 'permanent'): ClientName => ({
  name: 'unknown',
  reverseName: 'unknown',
  status,
  reverseStatus: status,
})

/** Never longer than `timeoutMs`: then the answer is temporary. */
export async function clientName(
  resolver: Resolver,
  address: string,
  timeoutMs: number,
): Promise<ClientName> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<ClientName>((resolve) => {
    timer = setTimeout(() => resolve(unknownClient('temporary')), timeoutMs)
  })
  try {
    return await Promise.race([verifiedName(resolver, address), deadline])
  } finally {
    clearTimeout(timer)
  }
}

async function verifiedName(resolver: Resolver, address: string): Promise<ClientName> {
  if (reversedAddress(address) === undefined) return unknownClient('permanent')
  const names = await resolver.ptr(address)
  if (names.kind === 'temporary') return unknownClient('temporary')
  if (names.kind !== 'records') return unknownClient('permanent')
  const reverseName = names.records[0] ?? 'unknown'
  let status: ClientName['status'] = 'permanent'
  for (const name of names.records.slice(0, maxNamesTried)) {
    const forward = await (address.includes(':') ? resolver.aaaa(name) : resolver.a(name))
    if (forward.kind === 'temporary') status = 'temporary'
    if (forward.kind !== 'records') continue
    if (forward.records.some((one) => sameAddress(one, address))) {
      return { name, reverseName: name, status: 'ok', reverseStatus: 'ok' }
    }
    if (status === 'permanent') status = 'forged'
  }
  return { name: 'unknown', reverseName, status, reverseStatus: 'ok' }
}

function sameAddress(a: string, b: string): boolean {
  if (a === b) return true
  const left = addressGroups(a)
  const right = addressGroups(b)
  return left !== undefined && right !== undefined && left.every((group, i) => group === right[i])
}
