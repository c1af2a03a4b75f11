import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import tls from 'node:tls'
import { TlsCredentials } from '@posthorn/net'
import { HeldSocket, LineSocket } from '@posthorn/net/testkit'
import { makeCertificate } from '../../../smtp/src/client/certificate-fixture.ts'
import { startImapFixture } from '../testkit/imap-fixture.ts'

// As Ruby's Net::IMAP sends them: what comes while TLS begins is told piece by piece within one turn.
test('RFC 9051 §6.2.1: the first command after STARTTLS, in many TLS records beside the end of the handshake', async (t) => {
  const credentials = new TlsCredentials(makeCertificate({ name: 'localhost', kind: 'server' }))
  const imap = await startImapFixture(t, { credentials })
  const clear = await imap.connect()
  clear.socket.removeAllListeners('data')
  clear.send('a STARTTLS\r\n')
  await once(clear.socket, 'data')
  const held = new HeldSocket(clear.socket)
  const secure = tls.connect({ socket: held, rejectUnauthorized: false })
  clear.socket.prependOnceListener('data', () => held.hold())
  await once(secure, 'secureConnect')
  const lines = new LineSocket(secure)
  const send = async (...pieces: string[]): Promise<void> => {
    for (const piece of pieces) await new Promise((sent) => secure.write(piece, sent))
    held.release()
  }
  await send('b AUTHENTICATE', ' ', 'PLAIN', '\r\n')
  assert.equal(await lines.line(), '+ ')
  held.hold()
  await send(...Buffer.from('\0alice\0secret').toString('base64'), '\r', '\n')
  assert.match((await lines.line()) ?? 'the end', /^b OK /)
  held.hold()
  await send('c', ' APPEND INBOX ', '{5+}', '\r\n', 'a:b', '\r\n', '\r', '\n')
  assert.match((await lines.line()) ?? 'the end', /^c OK /)
  secure.destroy()
})

// Its octets lie in memory that the next ones of anybody overwrite.
test('RFC 5465 §5: a part of a literal that comes while news are told stays what it was', async (t) => {
  const imap = await startImapFixture(t)
  const writer = await imap.login('INBOX')
  const other = await imap.login()
  await writer.ok('CREATE Box')
  await writer.ok('NOTIFY SET (SELECTED (MessageNew (UID) MessageExpunge))')
  const { messages } = imap.store
  const changesSince = messages.changesSince.bind(messages)
  const asked = Promise.withResolvers<void>()
  const may = Promise.withResolvers<void>()
  t.mock.method(messages, 'changesSince', async (...args: Parameters<typeof changesSince>) => {
    asked.resolve()
    await may.promise
    return await changesSince(...args)
  })
  writer.send(`x APPEND Box {2000}\r\n`)
  assert.match((await writer.line()) ?? 'the end', /^\+ /)
  await other.append('INBOX', 'a: b\r\n\r\n')
  await asked.promise
  writer.send('a'.repeat(2000))
  await other.ok('NOOP')
  await other.ok(`NOOP ${'b'.repeat(3000)}`).catch(() => undefined)
  may.resolve()
  writer.send('\r\n')
  await writer.until(/^x OK/)
  await other.ok('SELECT Box')
  const [, text] = await other.ok('FETCH 1 BODY[]')
  assert.equal(text, `${'a'.repeat(2000)})`)
})
