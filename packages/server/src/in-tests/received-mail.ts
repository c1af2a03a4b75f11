import { setTimeout as sleep } from 'node:timers/promises'
import { type MailboxId, type Store, StoreError, type Uid } from '@posthorn/storage'
import { type AddressObject, simpleParser } from 'mailparser'

/** A message in somebody's mailbox, for a test to look at. */
export interface ReceivedMessage {
  readonly uid: number
  /** MAIL FROM; '' for the null sender. */
  readonly sender: string
  /** RCPT TO as the client gave it, before aliases; the first one of several by which it came here. */
  readonly recipient: string
  /** As IMAP and POP3 give it, trace fields included. */
  readonly octets: Buffer
  readonly subject: string | undefined
  /** Addresses of From. */
  readonly from: readonly string[]
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly date: Date | undefined
  /** The text/plain part, decoded. */
  readonly text: string | undefined
  readonly html: string | undefined
  readonly attachments: readonly ReceivedAttachment[]
  /** The value of a field, unfolded and decoded; undefined when it has none. Of several the first. */
  header(name: string): string | undefined
}

export interface ReceivedAttachment {
  readonly filename: string | undefined
  /** Lower-case `type/subtype`. */
  readonly contentType: string
  /** Decoded. */
  readonly content: Buffer
}

export interface ArrivalsWanted {
  /** 1 by default. */
  readonly count?: number
  /** ms; 5,000 by default. */
  readonly withinMs?: number
  /** INBOX by default. */
  readonly mailbox?: string
}

/** What accounts have received. */
export class ReceivedMail {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** @throws StoreError 'no-such-account', 'no-such-mailbox' */
  async messages(address: string, mailbox = 'INBOX'): Promise<readonly ReceivedMessage[]> {
    return this.#read(await this.#mailbox(address, mailbox))
  }

  /** As `messages`, as soon as there are so many. @throws Error when the time is over, naming what has come */
  async arrivals(
    address: string,
    { count = 1, withinMs = 5_000, mailbox = 'INBOX' }: ArrivalsWanted = {},
  ): Promise<readonly ReceivedMessage[]> {
    const id = await this.#mailbox(address, mailbox)
    const timer = new AbortController()
    const over = sleep(withinMs, 'over' as const, { signal: timer.signal }).catch(() => 'over' as const)
    let changed = Promise.withResolvers<'changed'>()
    const unwatch = this.#store.watchMailbox(id, () => changed.resolve('changed'))
    try {
      for (;;) {
        const { uids } = await this.#store.messages.view(id)
        if (uids.length >= count) return await this.#read(id)
        if ((await Promise.race([changed.promise, over])) === 'over') break
        changed = Promise.withResolvers()
      }
      const subjects = (await this.#read(id)).map(({ subject }) => JSON.stringify(subject ?? ''))
      throw new Error(
        `Waited ${withinMs} ms for ${count} messages in ${mailbox} of ${address}: ` +
          (subjects.length === 0 ? 'none came' : `only ${subjects.join(', ')} came`),
      )
    } finally {
      unwatch()
      timer.abort()
    }
  }

  /** Removes all messages of all accounts, and what waits in the queue. Accounts and mailboxes stay. */
  async clear(): Promise<void> {
    const { accounts, mailboxes, messages, queue } = this.#store
    for (const { queueId } of await queue.list()) await queue.remove(queueId)
    for (const { id: account } of await accounts.list())
      for (const { id } of await mailboxes.list(account))
        await messages.discard(id, (await messages.view(id)).uids)
  }

  async #mailbox(address: string, name: string): Promise<MailboxId> {
    const account = await this.#store.accounts.find(address)
    if (account === undefined) throw new StoreError('no-such-account', `There is no account ${address}`)
    const mailbox = await this.#store.mailboxes.find(account.id, name)
    if (mailbox === undefined)
      throw new StoreError('no-such-mailbox', `There is no mailbox ${name} of ${address}`)
    return mailbox.id
  }

  async #read(mailbox: MailboxId): Promise<readonly ReceivedMessage[]> {
    const { uids } = await this.#store.messages.view(mailbox)
    const found: ReceivedMessage[] = []
    for (const uid of uids) {
      const octets = await this.#store.messages.read(mailbox, uid as Uid)
      if (octets !== undefined) found.push(await receivedMessage(uid, Buffer.from(octets)))
    }
    return found
  }
}

async function receivedMessage(uid: number, octets: Buffer): Promise<ReceivedMessage> {
  const mail = await simpleParser(octets)
  const header = (name: string): string | undefined => {
    const line = mail.headerLines.find(({ key }) => key === name.toLowerCase())?.line
    return line
      ?.slice(line.indexOf(':') + 1)
      .replace(/\r?\n(?=[ \t])/g, '')
      .trim()
  }
  return {
    uid,
    sender: (header('Return-Path') ?? '').replace(/^<|>$/g, ''),
    recipient: header('X-Original-To') ?? header('Delivered-To') ?? '',
    octets,
    subject: mail.subject,
    from: addressesIn(mail.from),
    to: addressesIn(mail.to),
    cc: addressesIn(mail.cc),
    date: mail.date,
    text: mail.text,
    html: mail.html === false ? undefined : mail.html,
    attachments: mail.attachments.map(({ filename, contentType, content }) => ({
      filename,
      contentType,
      content,
    })),
    header,
  }
}

/** Those of groups, too. */
function addressesIn(field: AddressObject | AddressObject[] | undefined): readonly string[] {
  if (field === undefined) return []
  const entries = [field].flat().flatMap(({ value }) => value)
  return entries
    .flatMap((entry) => [entry, ...(entry.group ?? [])])
    .flatMap(({ address }) => (address === undefined || address === '' ? [] : [address]))
}
