/** What postmaster hears of sessions with other servers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startOtherServer } from '../other-server.ts'
import { SmtpTalk } from './dialogue.ts'
import { alice, bob, eventually, startForClients } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'

test('notify_classes = protocol: a server that did not understand us: postmaster gets the transcript', async () => {
  const other = await startOtherServer(() => {}, {
    onRcptTo({ address }, _session, done) {
      const bad = address.startsWith('bad@')
      done(bad ? Object.assign(new Error('5.5.4 no such parameter'), { responseCode: 501 }) : null)
    },
  })
  const server = await startForClients({
    mynetworks: '127.0.0.0/8',
    notify_classes: 'protocol',
    error_notice_recipient: bob.address,
    relayhost: `[127.0.0.1]:${other.port}`,
  })
  try {
    const talk = await SmtpTalk.open(server.ports.smtp)
    assert.match(await talk.message(alice.address, 'good@far.test', 'Subject: one\r\n\r\nx'), /^250 /)
    assert.match(await talk.message(alice.address, 'bad@far.test', 'Subject: two\r\n\r\nx'), /^250 /)
    await talk.say('QUIT')
    const text = await eventually(
      'the notice',
      async () => (await readMailbox(server.ports.imap, bob)).map(({ source }) => source.toString())[0],
    )
    assert.match(text, /^Return-Path: <double-bounce@/)
    assert.match(text, /\r\nSubject: \S+ SMTP client: errors from 127\.0\.0\.1\[127\.0\.0\.1\]:\d+\r\n/)
    assert.match(text, /\r\n Out: RCPT TO:<bad@far\.test>.*\r\n(?: Out: .*\r\n)* In: {2}.*\r\n/)
    assert.match(text, /\r\n In: {2}501 5\.5\.4 no such parameter\r\n/)
  } finally {
    await server.stop()
    await other.close()
  }
})
