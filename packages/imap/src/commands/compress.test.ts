import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib'
import { type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'

/** A client that compresses; its octets go out in pieces of `cut`. */
class CompressedClient {
  readonly #socket: RawClient['socket']
  readonly #deflate = createDeflateRaw({ flush: constants.Z_SYNC_FLUSH })
  readonly #inflate = createInflateRaw()
  #text = ''
  #wake: (() => void) | undefined
  receivedBytes = 0

  constructor(client: RawClient, cut = Number.MAX_SAFE_INTEGER) {
    this.#socket = client.socket
    client.socket.removeAllListeners('data')
    client.socket.on('data', (chunk) => {
      this.receivedBytes += chunk.length
      this.#inflate.write(chunk)
    })
    this.#inflate.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1')
      this.#wake?.()
    })
    this.#deflate.on('data', (chunk: Buffer) => {
      for (let at = 0; at < chunk.length; at += cut) this.#socket.write(chunk.subarray(at, at + cut))
    })
  }

  /** All up to and with the line of this tag. */
  async command(tag: string, text: string): Promise<string> {
    this.#deflate.write(`${tag} ${text}\r\n`)
    return this.until(new RegExp(`^${tag} .*\r\n`, 'm'))
  }

  send(text: string): void {
    this.#deflate.write(text)
  }

  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#text)
      if (found !== null) {
        const end = found.index + found[0].length
        const text = this.#text.slice(0, end)
        this.#text = this.#text.slice(end)
        return text
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

const letter = (at: number): string =>
  `Subject: letter ${at}\r\n\r\n${`The same words again and again, ${at}.\r\n`.repeat(500)}`

for (const cut of [1, 7, Number.MAX_SAFE_INTEGER]) {
  test(`RFC 4978: a session goes on compressed, client octets in pieces of ${cut}`, async (t) => {
    const { login } = await startImapFixture(t)
    const client = await login('INBOX')
    assert.match((await client.ok('CAPABILITY'))[0]!, / COMPRESS=DEFLATE /)
    assert.match((await client.command('COMPRESS LZMA')).at(-1)!, /^BAD .*Unknown compression mechanism/)
    assert.match((await client.command('COMPRESS')).at(-1)!, /^BAD/)
    assert.match((await client.ok('COMPRESS DEFLATE')).at(-1)!, /^OK DEFLATE active/)
    const compressed = new CompressedClient(client, cut)
    assert.doesNotMatch(await compressed.command('a', 'CAPABILITY'), /COMPRESS/)
    assert.match(await compressed.command('b', 'COMPRESS DEFLATE'), /b NO \[COMPRESSIONACTIVE\]/)
    const text = letter(1)
    await compressed.command('c', `APPEND INBOX {${text.length}+}\r\n${text}`)
    const answer = await compressed.command('d', 'FETCH 1 (BODY.PEEK[])')
    assert.ok(answer.includes(`{${text.length}}\r\n${text}`))
    compressed.send('e IDLE\r\n')
    await compressed.until(/\+ idling\r\n/)
    const other = await login('INBOX')
    await other.ok('STORE 1 +FLAGS (\\Flagged)')
    await compressed.until(/\* 1 FETCH .*\\Flagged.*\r\n/)
    compressed.send('DONE\r\n')
    await compressed.until(/e OK .*\r\n/)
    assert.match(await compressed.command('f', 'LOGOUT'), /\* BYE .*\r\nf OK/)
  })
}

test('RFC 4978: large answers come whole through back-pressure, and small on the wire', async (t) => {
  const { login } = await startImapFixture(t)
  const client = await login('INBOX')
  for (let at = 1; at <= 40; at++) await client.append('INBOX', letter(at).repeat(4))
  await client.ok('COMPRESS DEFLATE')
  const compressed = new CompressedClient(client)
  const answer = await compressed.command('a', 'FETCH 1:* (UID BODY.PEEK[])')
  for (let at = 1; at <= 40; at++) assert.ok(answer.includes(letter(at).repeat(4)), `message ${at}`)
  assert.ok(compressed.receivedBytes * 20 < answer.length)
})

test('RFC 4978: what a small packet grows to is bounded as other input is', async (t) => {
  const { login, log } = await startImapFixture(t)
  const client = await login('INBOX')
  await client.ok('COMPRESS DEFLATE')
  const compressed = new CompressedClient(client)
  const before = process.memoryUsage().arrayBuffers
  compressed.send(`a ${'x'.repeat(64 * 1024 * 1024)}\r\n`)
  assert.match(await compressed.until(/^(a|\*) BAD .*\r\n/m), /Too long/)
  assert.ok(process.memoryUsage().arrayBuffers - before < 256 * 1024 * 1024)
  assert.match(await compressed.command('b', 'NOOP'), /b OK/)
  assert.deepEqual(
    log.filter(({ level }) => level === 'error'),
    [],
  )
})

test('RFC 4978: octets that are not raw deflate end the session with a word', async (t) => {
  const { login, service } = await startImapFixture(t)
  const client = await login()
  await client.ok('COMPRESS DEFLATE')
  const inflate = createInflateRaw()
  const said = new Promise<string>((resolve) => inflate.once('data', (chunk) => resolve(String(chunk))))
  client.socket.removeAllListeners('data')
  client.socket.on('data', (chunk) => inflate.write(chunk))
  client.socket.write('a NOOP in the clear\r\n')
  assert.match(await said, /^\* BYE Compressed data is damaged/)
  while (service.sessions > 0) await new Promise(setImmediate)
})

test('RFC 8437 §4.1: UNAUTHENTICATE ends compression with its answer, and it may begin again', async (t) => {
  const imap = await startImapFixture(t)
  const client = await imap.login('INBOX')
  for (let round = 0; round < 2; round++) {
    if (round > 0) await client.ok('LOGIN alice secret')
    await client.ok('COMPRESS DEFLATE')
    const plain = client.socket.listeners('data')
    const compressed = new CompressedClient(client, 3)
    assert.match(await compressed.command('a', 'NOOP'), /^a OK/m)
    const answer = await compressed.command('b', 'UNAUTHENTICATE')
    assert.match(answer, /^b OK \[CAPABILITY IMAP4rev1 .*AUTH=PLAIN.*\] /m)
    client.socket.removeAllListeners('data')
    for (const listener of plain) client.socket.on('data', listener as () => void)
    assert.match((await client.command('SELECT INBOX')).at(-1)!, /^BAD /)
  }
  await client.ok('LOGIN bob secret')
  assert.match((await client.ok('CAPABILITY')).join(), / COMPRESS=DEFLATE /)
})

test('RFC 4978: neither before login nor after compression began in the clear', async (t) => {
  const { connect } = await startImapFixture(t)
  const client = await connect()
  assert.match((await client.command('COMPRESS DEFLATE')).at(-1)!, /^BAD/)
  assert.doesNotMatch((await client.ok('CAPABILITY'))[0]!, /COMPRESS/)
})
