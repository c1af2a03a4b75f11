import assert from 'node:assert/strict'
import { createConnection, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

export interface Letter {
  readonly id: string
  readonly from: string
  readonly to: readonly string[]
  /** Header and body, without the final dot. */
  readonly text: string
}

async function* replies(socket: Socket): AsyncGenerator<string> {
  for await (const line of createInterface({ input: socket })) if (line[3] !== '-') yield line
}

/** Sends letter after letter over one connection until it breaks. */
export async function sendUntilKilled(
  port: number,
  next: (number: number) => Letter,
  acknowledged: (id: string) => void,
): Promise<void> {
  const socket = createConnection(port, '127.0.0.1')
  socket.on('error', () => {})
  const lines = replies(socket)
  const expect = async (code: string): Promise<boolean> => {
    const line = await lines.next()
    if (line.done === true) return false
    assert.ok(String(line.value).startsWith(code), `${line.value}`)
    return true
  }
  try {
    if (!(await expect('220'))) return
    socket.write('EHLO load\r\n')
    if (!(await expect('250'))) return
    for (let number = 0; ; number++) {
      const { id, from, to, text } = next(number)
      const recipients = to.map((address) => `RCPT TO:<${address}>\r\n`)
      socket.write(`MAIL FROM:<${from}>\r\n${recipients.join('')}DATA\r\n`)
      for (const code of ['250', ...to.map(() => '250'), '354']) if (!(await expect(code))) return
      socket.write(`${text}\r\n.\r\n`)
      if (!(await expect('250'))) return
      acknowledged(id)
    }
  } catch (error) {
    // The server was killed: that is the end of this session, not a fault of it.
    if (!(error instanceof Error && 'code' in error && ['ECONNRESET', 'EPIPE'].includes(String(error.code))))
      throw error
  } finally {
    socket.destroy()
  }
}

/** Far longer than that takes anywhere; what was not done by then is missed by the test itself. */
const patienceMs = 60_000

/**
 * Until `count` has grown by `by`, and then at random up to `moreMs`: so that a kill hits work that is going on, on a
 * slow machine, too.
 */
export async function worked(count: () => number, by: number, moreMs: number): Promise<void> {
  const enough = count() + by
  const endMs = performance.now() + patienceMs
  const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
  while (count() < enough && performance.now() < endMs) await delay(5)
  await delay(Math.random() * moreMs)
}
