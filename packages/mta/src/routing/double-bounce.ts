import type { Gathering, Walk } from './expansion.ts'
import { isProbeSender } from './probe-sender.ts'
import { type LocalName, reach } from './reach.ts'
import type { RoutingOptions } from './routing-options.ts'

/** Others ask whether the sender of our notices and probes exists; what comes back for it nobody reads. */
export const isDoubleBounce = (
  { doubleBounceUser = '', probes }: RoutingOptions,
  local: LocalName,
  nowMs?: number,
): boolean =>
  (doubleBounceUser !== '' && local.name === doubleBounceUser) ||
  (probes !== undefined && isProbeSender(probes, local.name, nowMs))

/** Postfix: qmgr(8). */
export function dropNotice(address: string, walk: Walk, gathering: Gathering): void {
  const transport = { transport: 'discard', nextHop: 'undeliverable postmaster notification discarded' }
  reach(gathering, `double bounce ${address.toLowerCase()}`, {
    deliveredTo: undefined,
    sender: walk.sender,
    leaf: { kind: 'remote', address, transport },
  })
}
