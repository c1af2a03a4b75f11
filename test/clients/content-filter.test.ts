import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { SMTPServer } from 'smtp-server'
import { SmtpTalk } from './dialogue.ts'
import { alice, bob, eventually, startForClients } from './mail-server.ts'
import { readMailbox } from './mailbox-reader.ts'

/** FILTER_README: a filter after the queue; a server of its own stands for it. */
async function filter(t: TestContext) {
  const heard: { from: string; to: string[]; text: string }[] = []
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS', 'AUTH'],
    onData(stream, session, done) {
      let text = ''
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1')
      })
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        heard.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text,
        })
        done()
      })
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise<void>((resolve) => server.close(resolve)))
  return { heard, port: (server.server.address() as AddressInfo).port }
}

async function send(port: number, to: readonly string[], subject: string): Promise<void> {
  const talk = await SmtpTalk.open(port)
  await talk.say('MAIL FROM:<carol@far.test>')
  for (const one of to) assert.match(await talk.say(`RCPT TO:<${one}>`), /^250/)
  await talk.say('DATA')
  assert.match(await talk.say(`Subject: ${subject}\r\n\r\ntext\r\n.`), /^250/)
  await talk.say('QUIT')
}

test('content_filter: all mail goes there, with the addresses it came with', async (t) => {
  const { heard, port } = await filter(t)
  const server = await startForClients({
    content_filter: `smtp:[127.0.0.1]:${port}`,
    virtual_alias_maps: `inline:{ both@example.org=${alice.address} }`,
    smtpd_greet_wait: '0',
  })
  t.after(() => server.stop())
  await send(server.ports.smtp, ['both@example.org', bob.address], 'filtered')
  const [message] = await eventually('the message at the filter', async () =>
    heard.length > 0 ? heard : undefined,
  )
  assert.deepEqual(message?.to.toSorted(), [bob.address, 'both@example.org'])
  assert.equal(message?.from, 'carol@far.test')
  assert.deepEqual(await readMailbox(server.ports.imap, bob), [])
})

test('FILTER in an access table: such mail alone', async (t) => {
  const { heard, port } = await filter(t)
  const server = await startForClients({
    smtpd_recipient_restrictions: `reject_unauth_destination, check_recipient_access inline:{ {${alice.address} = FILTER smtp:[127.0.0.1]:${port}} }`,
    smtpd_greet_wait: '0',
  })
  t.after(() => server.stop())
  await send(server.ports.smtp, [bob.address], 'straight')
  await send(server.ports.smtp, [alice.address], 'round about')
  await eventually('the message at the filter', async () => (heard.length > 0 ? true : undefined))
  assert.match(heard[0]?.text ?? '', /Subject: round about/)
  assert.equal(heard.length, 1)
  assert.equal((await readMailbox(server.ports.imap, bob)).length, 1)
})

test('default_filter_nexthop: where a content_filter or FILTER without a next hop goes', async (t) => {
  const { heard, port } = await filter(t)
  const parameters = { smtpd_greet_wait: '0', default_filter_nexthop: `[127.0.0.1]:${port}` }
  for (const more of [
    { content_filter: 'smtp:' },
    { smtpd_recipient_restrictions: 'reject_unauth_destination, check_sender_access static:{FILTER smtp:}' },
  ]) {
    const server = await startForClients({ ...parameters, ...more })
    t.after(() => server.stop())
    const before = heard.length
    await send(server.ports.smtp, [alice.address], 'no next hop')
    await eventually('the message at the filter', async () => (heard.length > before ? true : undefined))
  }
})
