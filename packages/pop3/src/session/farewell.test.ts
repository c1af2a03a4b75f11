import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hello, startPop3Fixture, until } from '../testkit/pop3-fixture.ts'

test('the answer under way is finished when the account is disabled; a QUIT behind it deletes nothing', async (t) => {
  const gate = Promise.withResolvers<void>()
  let reads = 0
  const fixture = await startPop3Fixture(t, [hello, hello], (store) => ({
    ...replaced(store),
    messages: {
      ...replaced(store.messages),
      quickReader: (mailbox, uids) => ({
        ...store.messages.quickReader(mailbox, uids),
        read: () => undefined,
      }),
      read: async (...args) => {
        reads++
        await gate.promise
        return store.messages.read(...args)
      },
    },
  }))
  const client = await fixture.login()
  assert.match(String(await client.ask('DELE 1')), /^\+OK/)
  client.socket.write('RETR 2\r\nDELE 2\r\nQUIT\r\n')
  await until(() => reads > 0)
  const account = await fixture.store.accounts.find('alice@example.org')
  await fixture.store.accounts.update(account!.id, { enabled: false })
  for (let n = 0; n < 10; n++) await new Promise(setImmediate)
  gate.resolve()
  const heard: string[] = []
  for (let line = await client.line(); line !== undefined; line = await client.line()) heard.push(line)
  assert.match(heard[0] ?? '', /^\+OK/)
  assert.deepEqual(heard.slice(-2), ['.', '-ERR [SYS/PERM] This account may not be used any more.'])
  assert.equal((await fixture.store.messages.view(fixture.inbox)).uids.length, 2)
  assert.ok(fixture.log.some(({ text }) => text.startsWith('Disconnected: User disabled')))
})

/** Methods are of the prototype: copied, they would be lost. */
function replaced<T extends object>(of: T): T {
  return new Proxy(of, {
    get: (target, name) => {
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
