import type { QueueStore } from '@posthorn/storage'
import type { Routing } from '../routing/index.ts'

/**
 * Mail for the addresses of a domain is tried now, wherever it waits: for the domain itself, or for the server that tables
 * name for it. Postfix: flush(8).
 */
export async function flushDomain(
  domain: string,
  parts: {
    readonly routing: Pick<Routing, 'resolve'>
    readonly queue: Pick<QueueStore, 'flush'>
    readonly nowMs: number
  },
): Promise<void> {
  const { routing, queue, nowMs } = parts
  const hops = new Set([domain])
  const found = await routing.resolve({ address: `postmaster@${domain}`, sender: '', nowMs })
  if (found.kind === 'to')
    for (const { route } of found.recipients) if (route.kind === 'queued') hops.add(route.nextHop)
  for (const nextHop of hops) await queue.flush({ nowMs, nextHop, domain })
}
