/** Child of queue-kill.test.ts: accepts messages when told how many, delivers what is in the queue, until killed. */
import { zoneFileResolver } from '@posthorn/dns'
import { createDeliveryAgents, createQueueRunner, defaultQueueOptions } from '@posthorn/mta'
import { type NewQueueEntry, openStore } from '@posthorn/storage'

const [directory = '', port = '', from = '0', to = '0'] = process.argv.slice(2)
const store = await openStore({ directory })
const agents = createDeliveryAgents({
  resolver: zoneFileResolver(''),
  resolve: async ({ address }) => ({ kind: 'refused', status: '5.1.1', text: `unknown ${address}` }),
  hostname: () => 'us.test',
  families: ['ipv4'],
  smtpClient: () => ({ protocol: 'smtp', heloName: 'us.test', tlsLevel: 'none' }),
  lmtpClient: () => ({ protocol: 'lmtp', heloName: 'us.test', tlsLevel: 'none' }),
})
const runner = createQueueRunner({
  store,
  agents: agents.byTransport,
  resolve: async () => ({ kind: 'refused', status: '5.1.1', text: 'unknown' }),
  log: (event) => {
    if (event.level === 'error') console.error(event.text, event.error)
  },
  owner: `worker-${process.pid}`,
  options: () => ({
    ...defaultQueueOptions,
    hostname: 'us.test',
    leaseMs: 1500,
    minimalBackoffMs: 200,
    maximalBackoffMs: 400,
    queueRunDelayMs: 200,
    crashLimit: 1000,
  }),
})
runner.start()
for (let n = Number(from); n < Number(to); n++) {
  const writer = store.messages.stage()
  await writer.write(Buffer.from(`X-Number: ${n}\r\n\r\n${'x'.repeat(3000)}\r\n`))
  const nowMs = Date.now()
  const message = await writer.finish()
  const entry: NewQueueEntry = {
    queueId: store.queue.newId(nowMs),
    sender: '',
    recipients: [
      {
        address: `r${n}@far.test`,
        route: { kind: 'queued', transport: 'smtp', nextHop: `[127.0.0.1]:${port}`, dueMs: nowMs },
      },
    ],
    options: {},
    origin: { clientName: 'c', clientAddress: '192.0.2.1', helo: 'c', protocol: 'ESMTP' },
    arrivedMs: nowMs,
  }
  // Every second one leaves as it comes, the others are found in the queue.
  const offer = n % 2 === 0 ? runner.offer(entry.recipients) : undefined
  if (offer === undefined) {
    await store.queue.accept({ message, entry })
    process.stdout.write(`${n}\n`)
    continue
  }
  const octets = message.octets()
  const { claimed } = await store.queue.acceptClaimed({ message, entry }, offer)
  process.stdout.write(`${n}\n`)
  if (claimed === undefined) offer.withdraw()
  else offer.begin(claimed, octets)
}
setInterval(async () => {
  if ((await store.queue.count()) === 0) process.stdout.write('empty\n')
}, 100)
