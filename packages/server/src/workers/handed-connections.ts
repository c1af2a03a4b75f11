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
 * he gives up. Such connections are closed, so that he may come again. So are those that Node would still hand to one that
 * has ended, because the end of its channel is not read yet.
 */
export function closeHandedConnections({ process: child }: Pick<Worker, 'process'>): void {
  let isGone = false
  const handed = new Map<number, Handle>()
  const send = child.send
  child.send = function (this: typeof child, ...args: unknown[]): boolean {
    const { act, seq } = (args[0] ?? {}) as ClusterMessage
    const handle = act === 'newconn' ? (args[1] as Handle | undefined) : undefined
    if (handle && isGone) {
      handle.close()
      return false
    }
    if (handle && seq !== undefined) handed.set(seq, handle)
    return send.apply(child, args as Parameters<typeof send>)
  }
  child.on('internalMessage', ({ ack }: ClusterMessage) => {
    if (ack !== undefined) handed.delete(ack)
  })
  child.once('exit', () => {
    isGone = true
    for (const handle of handed.values()) handle.close()
    handed.clear()
  })
}
