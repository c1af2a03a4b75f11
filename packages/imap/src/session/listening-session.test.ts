import assert from 'node:assert/strict'
import { test } from 'node:test'
import { notifyNothing } from '../wire/notify-groups.ts'
import type { Channel } from './channel.ts'
import { ImapSession } from './imap-session.ts'
import type { Services } from './services.ts'

/** A session on a connection that can be lost, and how many listeners it has at the watch. */
function watchedSession() {
  const listeners = new Set<unknown>()
  const services = {
    options: () => ({ loginCommandLimitBytes: 8192, isTrusted: () => false }),
    now: () => 0,
    log: () => undefined,
    watch: {
      listen: (listener: unknown) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
  } as unknown as Services
  const connection = { open: true, remoteAddress: '192.0.2.1', write: () => undefined }
  const session = new ImapSession(
    services,
    connection as unknown as Channel & ConstructorParameters<typeof ImapSession>[1],
    () => undefined,
  )
  const lose = (): void => {
    connection.open = false
    session.closed('ended', undefined)
  }
  return { session, listeners, lose }
}

for (const [name, listen] of [
  ['NOTIFY', (session: ImapSession) => session.notify(notifyNothing, 'no status')],
  ['ENABLE METADATA', async (session: ImapSession) => session.enable('METADATA')],
] as const) {
  test(`${name}: the session listens until its end`, async () => {
    const { session, listeners, lose } = watchedSession()
    await listen(session)
    assert.equal(listeners.size, 1)
    lose()
    assert.equal(listeners.size, 0)
  })

  test(`${name} whose client has left meanwhile: nobody listens for it`, async () => {
    const { session, listeners, lose } = watchedSession()
    lose()
    await listen(session)
    assert.equal(listeners.size, 0)
  })
}
