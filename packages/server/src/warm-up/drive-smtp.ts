import { LineExchange } from '@posthorn/net'
import { sampleMessage } from './sample-messages.ts'
import { relayedDomain, type ScratchServer, scratchDomain, scratchUsers } from './scratch-server.ts'

type Turn = () => Promise<void>

/** As `turn` says, but many may ask at once: one wait serves all of them. */
function shared(turn: Turn): Turn {
  let waiting: Promise<void> | undefined
  return () => {
    waiting ??= turn().finally(() => {
      waiting = undefined
    })
    return waiting
  }
}

interface Letter {
  readonly envelope: string
  readonly body: Buffer
}

const letterCount = 60

const letterOf = (n: number, to: string): Letter => ({
  envelope: `MAIL FROM:<person${n}@example.org>\r\nRCPT TO:<${to}>\r\nDATA\r\n`,
  body: Buffer.concat([stuffed(sampleMessage(n)), Buffer.from('.\r\n')]),
})

/** What clients send: the envelope in one packet, the message in another. */
async function post(client: LineExchange, { envelope, body }: Letter, turn: Turn): Promise<void> {
  await turn()
  await client.ask(envelope, '354 ')
  await client.ask(body, '250 ')
}

const stuffed = (message: Buffer): Buffer =>
  Buffer.from(message.toString('latin1').replace(/^\./gm, '..'), 'latin1')

export interface SmtpDrive {
  readonly sessions: number
  readonly messages: number
  /** 'elsewhere': mail that goes on to another server. */
  readonly to: 'mailboxes' | 'elsewhere'
}

/** Mail comes in, from one client or from several at once. */
export async function driveSmtp(
  server: ScratchServer,
  turn: Turn,
  { sessions, messages, to }: SmtpDrive,
): Promise<void> {
  const clients: LineExchange[] = []
  try {
    for (let n = 0; n < sessions; n++) {
      const client = await LineExchange.open({
        host: '127.0.0.1',
        port: server.ports.smtp,
        timeoutMs: 10_000,
      })
      clients.push(client)
      await client.ask('', '220 ')
      await client.ask(`EHLO ${scratchDomain}\r\n`, '250 ')
    }
    const readers = to === 'mailboxes' ? scratchUsers : [`somebody@${relayedDomain}`]
    const letters = Array.from({ length: Math.min(messages, letterCount) }, (_, n) =>
      letterOf(n, readers[n % readers.length] as string),
    )
    let next = 0
    const wait = shared(turn)
    await Promise.all(
      clients.map(async (client) => {
        while (next < messages) await post(client, letters[next++ % letters.length] as Letter, wait)
        await client.ask('QUIT\r\n', '221 ')
      }),
    )
  } finally {
    for (const client of clients) client.close()
  }
}
