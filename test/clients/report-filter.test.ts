/** Reports of our own past the filters of mail that this machine makes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type MilterScript,
  milterFrame,
  startMilter,
} from '../../packages/mta/src/milter/testkit/scripted-milter-fixture.ts'
import { alice, eventually, startForClients } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'
import { Wire } from './wire.ts'

/** Alice's inbox after one message that comes back. */
async function bounced(script: MilterScript, parameters: Readonly<Record<string, string>> = {}) {
  const milter = await startMilter(script)
  const server = await startForClients({
    non_smtpd_milters: milter.spec,
    transport_maps: 'inline:{{closed.example = error:5.7.1 no mail to there}}',
    mynetworks: '127.0.0.0/8',
    smtpd_reject_unlisted_recipient: 'no',
    smtpd_greet_wait: '0',
    ...parameters,
  })
  try {
    const wire = await Wire.open(server.ports.smtp)
    await wire.hears(/^220 .*\r\n/, 30_000)
    wire.send(
      'EHLO c.example\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<x@closed.example>\r\nDATA\r\nSubject: one\r\n\r\ntext\r\n.\r\n',
    )
    await wire.hears(/queued as/, 30_000)
    wire.close()
    const gone = async () => ((await server.store.queue.count()) === 0 ? true : undefined)
    await eventually('the end of the queue', gone)
    return {
      reports: (await readMailbox(server.ports.imap, alice)).map(({ source }) => source.toString('latin1')),
      heard: [...milter.heard],
    }
  } finally {
    await server.stop()
    await milter.close()
  }
}

const signs: MilterScript = {
  replies: { E: [milterFrame('h', 'DKIM-Signature\0v=1; a=test\0'), milterFrame('c')] },
}

test('Postfix: internal_mail_filter_classes = bounce: non_smtpd_milters sign reports, header_checks see them', async () => {
  const { reports, heard } = await bounced(signs, {
    internal_mail_filter_classes: 'bounce',
    header_checks: 'regexp:{{/^Subject: Undelivered/ PREPEND X-Seen: yes}}',
  })
  assert.equal(reports.length, 1)
  const [header = '', ...parts] = (reports[0] ?? '').split('\r\n\r\n')
  assert.match(header, /^DKIM-Signature: v=1; a=test$/m)
  assert.match(header, /^X-Seen: yes$/m)
  assert.match(header, /^Subject: Undelivered Mail Returned to Sender$/m)
  assert.match(parts.join('\r\n\r\n'), /Final-Recipient: rfc822; x@closed\.example/)
  assert.ok(heard.some((line) => line.startsWith('M<>|')))
})

test('Postfix: internal_mail_filter_classes: without it no filter sees a report', async () => {
  const { reports, heard } = await bounced(signs)
  assert.equal(reports.length, 1)
  assert.doesNotMatch(reports[0] ?? '', /DKIM-Signature/)
  assert.deepEqual(heard, [])
})

test('Postfix: internal_mail_filter_classes: a report that is refused is sent as it was made', async () => {
  const refuses: MilterScript = { replies: { E: [milterFrame('r')] } }
  const { reports } = await bounced(refuses, { internal_mail_filter_classes: 'bounce' })
  assert.match(reports.join(), /Final-Recipient: rfc822; x@closed\.example/)
})
