import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { joinStreams } from './index.ts'

test('a dialogue is carried both ways, the last answers come after the end of the input', async () => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.write('hello\n')
    let got = ''
    socket.on('data', (chunk) => {
      got += chunk.toString()
    })
    socket.on('end', () => socket.end(`you said ${got}`))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const output = new PassThrough()
  const said = text(output)
  await joinStreams({ kind: 'inet', host: '127.0.0.1', port }, Readable.from(['one ', 'two']), output)
  output.end()
  assert.equal(await said, 'hello\nyou said one two')
  await new Promise((resolve) => server.close(resolve))
})

test('the service may close first; nobody there is an error', async () => {
  const server = createServer((socket) => socket.end('bye\n'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const address = { kind: 'inet', host: '127.0.0.1', port } as const
  const [silent, output] = [new PassThrough(), new PassThrough()]
  const said = text(output)
  await joinStreams(address, silent, output)
  output.end()
  assert.equal(await said, 'bye\n')
  await new Promise((resolve) => server.close(resolve))
  await assert.rejects(joinStreams(address, new PassThrough(), new PassThrough()), /ECONNREFUSED/)
})
