import type { TestContext } from 'node:test'
import { type PeerAction, scriptedPeer } from '../../../smtp/src/client/scripted-peer-fixture.ts'
import { QueueBench } from './queue-fixture.ts'

/** A running queue and one mail server, `mx.far.test`, for the domain far.test. */
export const withPeer = async (
  t: TestContext,
  script: Record<string, PeerAction | readonly PeerAction[]>,
  setting: Parameters<typeof QueueBench.open>[1] = {},
) => {
  const peer = await scriptedPeer(script)
  t.after(() => peer.close())
  const bench = await QueueBench.open(t, { ...setting, delivery: { ...setting.delivery } })
  bench.runner.start()
  const nextHop = `[127.0.0.1]:${peer.port}`
  return { peer, bench, to: (address: string) => bench.recipient(address, { nextHop }) }
}
