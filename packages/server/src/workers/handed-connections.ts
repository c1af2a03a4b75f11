import type { Worker } from 'node:cluster'

interface Handle {
  close(): void
}

/** As the cluster module sends them: `seq` is answered by `ack`. */
interface ClusterMessage {
  readonly act?: string
  readonly seq?: number
  readonly ack?: number
}

/**
 * A connection that the cluster hands to a worker stays open in the primary until the worker says that it has it. One
 * that is killed before never says so, and Node forgets the connection: its client would wait for a greeting until
 * he gives up. Such connections are closed, so that he may come again.
 */
export function closeHandedConnections({ process: child }: Worker): void {
  const handed = new Map<number, Handle>()
  const send = child.send
  child.send = function (this: typeof child, ...args: unknown[]): boolean {
    const { act, seq } = (args[0] ?? {}) as ClusterMessage
    if (act === 'newconn' && seq !== undefined && args[1]) handed.set(seq, args[1] as Handle)
    return send.apply(child, args as Parameters<typeof send>)
  }
  child.on('internalMessage', ({ ack }: ClusterMessage) => {
    if (ack !== undefined) handed.delete(ack)
  })
  child.once('exit', () => {
    for (const handle of handed.values()) handle.close()
    handed.clear()
  })
}
