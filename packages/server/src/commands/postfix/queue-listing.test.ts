import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { QueuedRecipient, QueueEntry, QueueId } from '@posthorn/storage'
import { formatJson, formatQueue } from './queue-listing.ts'

// What Debian's postqueue -p and -j printed for the same two messages; times are of the machine's zone.
const arrivedMs = new Date(2026, 10, 21, 23, 30, 28).getTime()
const refused = 'connect to 127.0.0.1[127.0.0.1]:9: Connection refused'

function recipient(address: string, diagnostic: string): QueuedRecipient {
  const tried = diagnostic === '' ? {} : { last: { status: '4.4.1', diagnostic, remoteMta: 'none', atMs: 0 } }
  return {
    index: 0,
    address,
    transport: 'smtp',
    nextHop: 'x',
    state: 'queued',
    dueMs: 0,
    attempts: 0,
    delayWarned: false,
    ...tried,
  } as QueuedRecipient
}

function entry(
  queueId: string,
  sender: string,
  sizeBytes: number,
  recipients: readonly QueuedRecipient[],
): QueueEntry {
  const origin = { clientName: 'localhost', clientAddress: '127.0.0.1', helo: '', protocol: '' }
  return {
    queueId: queueId as QueueId,
    sender,
    options: {},
    origin,
    arrivedMs,
    sizeBytes,
    hold: false,
    recipients,
  }
}

const two = [
  entry('6AEBC20C43D', 'alice@bench.test', 247, [
    recipient('carol@example.com', refused),
    recipient('bob@example.net', refused),
  ]),
  entry('6C47720C43B', '', 256, [recipient('someone@example.net', refused)]),
]

async function listing(entries: readonly QueueEntry[]): Promise<string> {
  async function* each() {
    yield* entries
  }
  let text = ''
  for await (const part of formatQueue(each())) text += part
  return text
}

it('Postfix: postqueue -p', async () => {
  assert.equal(
    await listing(two),
    `-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------
6AEBC20C43D     247 Sat Nov 21 23:30:28  alice@bench.test
                       (connect to 127.0.0.1[127.0.0.1]:9: Connection refused)
                                         carol@example.com
                                         bob@example.net

6C47720C43B     256 Sat Nov 21 23:30:28  MAILER-DAEMON
                       (connect to 127.0.0.1[127.0.0.1]:9: Connection refused)
                                         someone@example.net

-- 0 Kbytes in 2 Requests.
`,
  )
  assert.equal(await listing([]), 'Mail queue is empty\n')
})

it('Postfix: postqueue -p, marks and sizes', async () => {
  const held = { ...entry('6AEBC20C43', 'a@b.test', 123_456, [recipient('c@d.test', '')]), hold: true }
  const text = await listing([held])
  assert.match(text, /^6AEBC20C43! {2}123456 Sat Nov 21 23:30:28 {2}a@b\.test$/m)
  assert.match(text, /^-- 120 Kbytes in 1 Request\.$/m)
  const claimed = entry('6AEBC20C43', 'a@b.test', 1, [{ ...recipient('c@d.test', ''), state: 'claimed' }])
  assert.match(await listing([claimed]), /^6AEBC20C43\*/m)
})

it('text of strangers cannot write to the terminal', async () => {
  const hostile = entry('A', 'a\u001b[2J@b.test', 1, [recipient('c\r\n-- 0 Kbytes@d.test', 'no\u0007\u009b')])
  const text = await listing([hostile])
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
})

it('Postfix: postqueue -j', () => {
  assert.equal(
    two.map(formatJson).join(''),
    `{"queue_name": "deferred", "queue_id": "6AEBC20C43D", "arrival_time": ${arrivedMs / 1000}, "message_size": 247, "forced_expire": false, "sender": "alice@bench.test", "recipients": [{"address": "carol@example.com", "delay_reason": "${refused}"}, {"address": "bob@example.net", "delay_reason": "${refused}"}]}
{"queue_name": "deferred", "queue_id": "6C47720C43B", "arrival_time": ${arrivedMs / 1000}, "message_size": 256, "forced_expire": false, "sender": "MAILER-DAEMON", "recipients": [{"address": "someone@example.net", "delay_reason": "${refused}"}]}
`,
  )
})
