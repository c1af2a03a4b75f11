import { ImapFlow } from 'imapflow'

export interface Login {
  readonly address: string
  readonly password: string
}

export interface SeenMessage {
  readonly uid: number
  readonly flags: readonly string[]
  readonly source: Buffer
}

/** Logs in with imapflow, runs `use`, logs out. */
export async function withImap<T>(
  port: number,
  login: Login,
  use: (client: ImapFlow) => Promise<T>,
): Promise<T> {
  const client = new ImapFlow({
    host: '127.0.0.1',
    port,
    secure: false,
    tls: { rejectUnauthorized: false },
    auth: { user: login.address, pass: login.password },
    logger: false,
  })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.logout()
  }
}

/** All messages of a mailbox with every octet. */
export async function readMailbox(
  port: number,
  login: Login,
  mailbox = 'INBOX',
): Promise<readonly SeenMessage[]> {
  return await withImap(port, login, async (client) => {
    const opened = await client.mailboxOpen(mailbox, { readOnly: true })
    if (opened.exists === 0) return []
    const messages: SeenMessage[] = []
    for await (const message of client.fetch('1:*', { uid: true, flags: true, source: true }))
      messages.push({
        uid: message.uid,
        flags: [...(message.flags ?? [])],
        source: message.source ?? Buffer.alloc(0),
      })
    return messages
  })
}
