import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Store } from '@posthorn/storage'
import { hello, startPop3Fixture } from '../testkit/pop3-fixture.ts'

test('the sizes of a large maildrop are found in turns, once, by whichever command needs them first', async (t) => {
  let inTurns = 0
  let atOnce = 0
  const watched = (store: Store): Store =>
    Object.create(store, {
      messages: {
        value: Object.create(store.messages, {
          quickReader: {
            value: (...args: Parameters<Store['messages']['quickReader']>) => {
              const quick = store.messages.quickReader(...args)
              return {
                read: quick.read,
                sizes: () => {
                  atOnce++
                  return quick.sizes()
                },
                sizesInTurns: () => {
                  inTurns++
                  return quick.sizesInTurns()
                },
              }
            },
          },
        }),
      },
    })
  const fixture = await startPop3Fixture(t, [hello, 'Subject: two\r\n\r\nx\r\n'], watched)
  for (let count = 2; count <= 10_000; count *= 2) {
    const { uids } = await fixture.store.messages.view(fixture.inbox)
    await fixture.store.messages.copy(fixture.inbox, uids, fixture.inbox)
  }
  const client = await fixture.login()
  const [count, octets] = String(await client.ask('STAT'))
    .split(' ')
    .slice(1)
    .map(Number)
  assert.equal(count, 16_384)
  client.socket.write('DELE 1\r\nDELE 16384\r\nLIST 16383\r\nLIST\r\nSTAT\r\n')
  for (const _ of [1, 2]) assert.equal(await client.line(), '+OK Marked to be deleted.')
  assert.equal(await client.line(), '+OK 16383 24')
  const lines: string[] = []
  while (lines.at(-1) !== '.') lines.push(String(await client.line()))
  const sizes = lines.slice(1, -1).map((line) => Number(line.split(' ')[1]))
  assert.equal(sizes.length, 16_382)
  assert.equal(lines[1], '2 19')
  const listed = sizes.reduce((sum, size) => sum + size, 0)
  assert.equal(listed, Number(octets) - 24 - 19)
  assert.equal(await client.line(), `+OK 16382 ${listed}`)
  assert.deepEqual([inTurns, atOnce], [1, 0])
})
