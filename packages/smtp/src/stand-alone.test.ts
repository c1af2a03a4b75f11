import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import { RecordingHandler } from './handler-fixture.ts'
import { serveStreams } from './index.ts'

async function converse(
  input: string | readonly string[],
  handler = new RecordingHandler(),
): Promise<{ handler: RecordingHandler; said: string }> {
  const output = new PassThrough()
  await serveStreams({
    handler,
    options: { hostname: 'mx.test', junkCommandLimit: 100_000 },
    input: Readable.from([...input].map((piece) => Buffer.from(piece))),
    output,
    fault: (error) => assert.fail(String(error)),
  })
  output.end()
  return { handler, said: Buffer.concat(await output.toArray()).toString() }
}

const mail =
  'EHLO a\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<x@local.test>\r\nDATA\r\nSubject: s\r\n\r\n..x\r\n.\r\n'

test('a session over two streams, until QUIT or the end of the input', async () => {
  for (const end of ['QUIT\r\nNOOP\r\n', '']) {
    const { handler, said } = await converse(mail + end)
    assert.deepEqual(
      handler.mails.map(({ text }) => text),
      ['Subject: s\r\n\r\n.x\r\n'],
    )
    assert.match(said, /^220 mx\.test ESMTP Posthorn\r\n250-mx\.test\r\n/)
    assert.doesNotMatch(said, /STARTTLS|AUTH/)
    assert.match(said, end === '' ? /queued as ABC123\r\n$/ : /queued as ABC123\r\n221 2\.0\.0 Bye\r\n$/)
  }
})

test('much that is said before the greeting is answered after it', async () => {
  const handler = new RecordingHandler()
  handler.slow = () => new Promise((resolve) => setTimeout(resolve, 20))
  const count = 20_000
  const { said } = await converse(
    ['EHLO a\r\n', ...Array.from({ length: 4 }, () => 'RSET\r\n'.repeat(count / 4)), 'QUIT\r\n'],
    handler,
  )
  assert.equal(said.match(/^250 2\.0\.0 Ok\r$/gm)?.length, count)
  assert.match(said, /\r\n221 2\.0\.0 Bye\r\n$/)
})

test('TLS cannot begin there', async () => {
  const { said } = await converse('EHLO a\r\nSTARTTLS\r\nQUIT\r\n')
  assert.match(said, /\r\n5\d\d .*\r\n221 /)
})
