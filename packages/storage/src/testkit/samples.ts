import type {
  Acceptance,
  Account,
  Mailbox,
  MailboxId,
  NewRecipient,
  Placed,
  QueueId,
  StagedMessage,
  Store,
  Uid,
} from '../contract.ts'

/** A message of about `sizeBytes` octets that says its own number. */
export const sampleMessage = (number: number, sizeBytes = 2_000): Buffer => {
  const head = `From: <a@example.org>\r\nTo: <b@example.org>\r\nSubject: message ${number}\r\nMessage-ID: <${number}@test>\r\n\r\n`
  const line = `This is line of message ${number}.\r\n`
  return Buffer.from(head + line.repeat(Math.max(1, Math.ceil((sizeBytes - head.length) / line.length))))
}

export const stage = async (store: Store, bytes: Uint8Array): Promise<StagedMessage> => {
  const writer = store.messages.stage()
  for (let at = 0; at < bytes.length; at += 64 * 1024) await writer.write(bytes.subarray(at, at + 64 * 1024))
  return writer.finish()
}

export const makeAccount = (store: Store, address = 'alice@example.org', quotaBytes = 0): Promise<Account> =>
  store.accounts.create({ address, passwordHash: '', enabled: true, quotaBytes, home: '' })

export const mailboxOf = async (store: Store, account: Account, name = 'INBOX'): Promise<Mailbox> => {
  const mailbox = await store.mailboxes.find(account.id, name)
  if (!mailbox) throw new Error(`No mailbox ${name}`)
  return mailbox
}

export const append = async (
  store: Store,
  mailbox: MailboxId,
  bytes: Uint8Array,
  system = 0,
  keywords: readonly string[] = [],
  uid?: Uid,
): Promise<Placed> => {
  const message = await stage(store, bytes)
  const [placed] = await store.messages.append(mailbox, [
    {
      message,
      flags: { system, keywords },
      internalDateMs: 1_700_000_000_000,
      ...(uid !== undefined && { uid }),
    },
  ])
  return placed as Placed
}

export const acceptance = (
  store: Store,
  message: StagedMessage,
  recipients: readonly NewRecipient[],
  queueId: QueueId = store.queue.newId(0),
  arrivedMs = 1_700_000_000_000,
): Acceptance => ({
  message,
  entry: {
    queueId,
    sender: 'sender@example.net',
    recipients,
    options: {},
    origin: { clientName: 'client', clientAddress: '192.0.2.1', helo: 'client', protocol: 'ESMTP' },
    arrivedMs,
  },
})

export const toMailbox = (
  account: Account,
  mailbox = 'INBOX',
  prefix = 'Return-Path: <>\r\n',
): NewRecipient => ({
  address: account.address,
  route: { kind: 'mailbox', account: account.id, mailbox, prefix: Buffer.from(prefix) },
})

export const toRemote = (address: string, dueMs = 0, nextHop = 'remote.example'): NewRecipient => ({
  address,
  route: { kind: 'queued', transport: 'smtp', nextHop, dueMs },
})

/** Octets of all messages of a mailbox by UID. */
export const readAll = async (store: Store, mailbox: MailboxId): Promise<Map<number, Buffer>> => {
  const { uids } = await store.messages.view(mailbox)
  const found = new Map<number, Buffer>()
  for await (const batch of store.messages.fetch(mailbox, uids, { bytes: 'all' })) {
    batch.bytes?.forEach((bytes, index) => {
      found.set(batch.uids[index] as number, Buffer.from(bytes))
    })
  }
  return found
}
