import { createAccount, defaultMailboxes } from '../accounts/account-store.ts'
import type { Account, AccountId, NewRecipient, QueueId, StagedMessage } from '../contract.ts'
import type { Environment } from '../kv/environment.ts'
import type { GroupCommit } from '../kv/group-commit.ts'
import type { Unit } from '../kv/unit.ts'
import { createMailbox } from '../mailboxes/mailbox-store.ts'
import { bindFlags } from '../messages/keywords.ts'
import { addMessages, openMailbox } from '../messages/place.ts'
import { type AcceptPlace, acceptIn } from '../queue/accept.ts'
import { findAccountId } from '../rows/account-row.ts'
import { referToBlob } from '../rows/blob-row.ts'
import { manyOctets } from '../rows/chunk.ts'
import { findMailboxId, readMailboxFacts } from '../rows/mailbox-row.ts'
import { createMessage } from '../rows/message-row.ts'
import { readEntry } from '../rows/queue-row.ts'
import type { DeliveryFacts } from '../segments/frame.ts'
import { enterFrame } from './derive-rows.ts'
import type { FoundSegments, KnownFrame } from './find-frames.ts'

export interface Redelivery {
  readonly environment: Environment
  readonly commit: GroupCommit
  readonly found: FoundSegments
  readonly marks: ReadonlyMap<number, number>
  readonly referenced: ReadonlySet<number>
  /** Whether the journal tells all that ever happened. */
  readonly history: 'whole' | 'partial'
  readonly nowMs: number
}

/** For people. */
export interface Redelivered {
  /** One line for each message: where it is now. */
  readonly broughtBack: readonly string[]
  readonly notes: readonly string[]
}

/** For messages of which the mark says that something was decided, and nobody knows what: perhaps their removal. */
const recoveredMailbox = 'Recovered'

/**
 * Messages that nothing names. Those behind the journal's mark came in during the last second before the index was
 * lost: they go where their frame says. Where the journal is not whole, all others may be wanted, too: rather a removed
 * message again than one that is gone. Nothing is sent a second time: what was for other servers is put on hold.
 */
export const redeliver = async (redelivery: Redelivery): Promise<Redelivered> => {
  const { commit, found, marks, referenced, history } = redelivery
  const all = [...found.frames].filter(([blobId, frame]) => {
    if (referenced.has(blobId)) return false
    return history === 'partial' || (frame.header.kind !== 'moved' && !isSettled(marks, frame))
  })
  const done = { broughtBack: [] as string[], notes: [] as string[] }
  for (const [, frame] of all.sort(([, a], [, b]) => a.header.receivedMs - b.header.receivedMs)) {
    const { broughtBack, notes } = await commit.run((unit) =>
      new FrameDelivery(redelivery, unit, frame).run(),
    )
    done.broughtBack.push(...broughtBack)
    done.notes.push(...notes)
  }
  return done
}

const isSettled = (marks: ReadonlyMap<number, number>, { segment, offset }: KnownFrame): boolean =>
  offset < (marks.get(segment) ?? 0)

type AcceptFacts = DeliveryFacts & { readonly kind: 'accept' }
type FrameRecipient = AcceptFacts['recipients'][number]

/** One frame, in one unit. */
class FrameDelivery {
  readonly #redelivery: Redelivery
  readonly #unit: Unit
  readonly #frame: KnownFrame
  readonly #what: string
  readonly broughtBack: string[] = []
  readonly notes: string[] = []

  constructor(redelivery: Redelivery, unit: Unit, frame: KnownFrame) {
    this.#redelivery = redelivery
    this.#unit = unit
    this.#frame = frame
    const { bodyBytes, receivedMs } = frame.header
    this.#what = `message of ${bodyBytes} octets, ${new Date(Math.trunc(receivedMs) || 0).toISOString()}`
  }

  run(): Redelivered {
    const { segment, offset, header, facts } = this.#frame
    enterFrame(this.#unit, this.#frame, 0)
    if (facts === undefined)
      this.notes.push(`${this.#what}: whose it is, its frame (${segment}:${offset}) does not say`)
    else if (facts.kind === 'append') {
      const dateMs = Math.trunc(facts.internalDateMs)
      this.#place(facts.account, facts.mailbox, { flags: facts.flags, dateMs, prefix: '' })
    } else this.#accept(facts)
    // Without a reference nothing of it stays in the index.
    referToBlob(this.#unit, header.blobId, 0)
    return this
  }

  #accept(facts: AcceptFacts): void {
    const { receivedMs } = this.#frame.header
    const queued: FrameRecipient[] = []
    for (const recipient of facts.recipients) {
      const { account, mailbox = 'INBOX', prefix = '' } = recipient
      if (recipient.transport !== undefined) queued.push(recipient)
      else if (account === undefined)
        this.notes.push(`${this.#what}: ${recipient.address} has no account any more`)
      else
        this.#place(account, mailbox, {
          flags: { system: 0, keywords: [] },
          dateMs: Math.trunc(receivedMs),
          prefix,
        })
    }
    if (queued.length > 0) this.#queue(facts, queued)
  }

  #queue(facts: AcceptFacts, recipients: readonly FrameRecipient[]): void {
    const { environment, history, nowMs } = this.#redelivery
    const { bodyBytes, receivedMs, blobId } = this.#frame.header
    const names = recipients.map(({ address }) => address).join(', ')
    if (readEntry(this.#unit, facts.queueId) !== undefined) {
      this.notes.push(`${this.#what} to ${names}: its queue id ${facts.queueId} is in use`)
      return
    }
    const message: StagedMessage = {
      sizeBytes: bodyBytes,
      summary: new Uint8Array(),
      missingOctets: manyOctets,
      octets: () => undefined,
      abort: async () => {},
    }
    const hold = history === 'partial'
    const entry = {
      queueId: facts.queueId as QueueId,
      sender: facts.sender,
      recipients: recipients.map((each) => recipientAgain(each, receivedMs)),
      options: facts.options ?? {},
      origin: { clientName: 'rebuild', clientAddress: '', helo: '', protocol: '' },
      arrivedMs: Math.trunc(receivedMs),
      ...(hold ? { hold: true as const } : {}),
    }
    const place: AcceptPlace = {
      now: () => nowMs,
      defaultQuotaBytes: 0,
      defaultQuotaMessages: 0,
      environment,
    }
    acceptIn(place, this.#unit, { message, entry }, blobId)
    const where = hold ? 'on hold, because it may have been sent already (postsuper -H, -d)' : 'in the queue'
    this.broughtBack.push(`${this.#what}: ${facts.queueId} to ${names}, ${where}`)
  }

  #place(
    address: string,
    wanted: string,
    how: {
      readonly flags: { readonly system: number; readonly keywords: readonly string[] }
      readonly dateMs: number
      /** Base64. */
      readonly prefix: string
    },
  ): void {
    const unit = this.#unit
    const { blobId, bodyBytes } = this.#frame.header
    const known = findAccountId(unit, address.toLowerCase())
    const account = known ?? this.#makeAccount(address)
    const mailboxId = this.#mailbox(account, known === undefined ? wanted : this.#nameFor(wanted))
    const prefix = Buffer.from(how.prefix, 'base64')
    const mailbox = openMailbox(unit, mailboxId)
    const [placement] = addMessages(unit, mailbox, [
      {
        ...bindFlags(unit, mailboxId, how.flags),
        messageId: createMessage(unit, blobId, prefix),
        blobId,
        sizeBytes: prefix.length + bodyBytes,
        internalDateMs: how.dateMs,
        saveDateMs: Math.trunc(this.#redelivery.nowMs),
        missingOctets: manyOctets,
      },
    ])
    this.broughtBack.push(`${this.#what}: ${address}, mailbox "${mailbox.facts.name}", UID ${placement?.uid}`)
  }

  #nameFor(wanted: string): string {
    const { history, marks } = this.#redelivery
    return history === 'partial' && isSettled(marks, this.#frame) ? recoveredMailbox : wanted
  }

  /** One that was deleted since is not made again where all that happened is known. */
  #mailbox(account: AccountId, name: string): number {
    const unit = this.#unit
    const wanted = this.#redelivery.history === 'partial' ? [name, 'INBOX'] : ['INBOX']
    const existing = findMailboxId(unit, account, name)
    if (existing !== undefined && readMailboxFacts(unit, existing)?.selectable) return existing
    for (const each of wanted) {
      const id = findMailboxId(unit, account, each)
      if (id !== undefined && readMailboxFacts(unit, id)?.selectable) return id
      try {
        return createMailbox(unit, account, each, [], this.#redelivery.nowMs).id
      } catch {
        // Too many mailboxes: INBOX then.
      }
    }
    throw new Error(`Cannot make INBOX of account ${account}`)
  }

  #makeAccount(address: string): AccountId {
    const { history, nowMs } = this.#redelivery
    const account: Omit<Account, 'id' | 'createdMs'> = {
      address,
      passwordHash: '',
      // Where all that happened is known, somebody removed it.
      enabled: history === 'partial',
      quotaBytes: 0,
      home: '',
    }
    const { id } = createAccount(this.#unit, account, defaultMailboxes, Math.trunc(nowMs))
    this.notes.push(
      `Account ${address}: made again for its messages, ${account.enabled ? 'without a password (posthorn user passwd)' : 'disabled (posthorn user enable, or remove)'}`,
    )
    return id
  }
}

const recipientAgain = (
  { address, prefix, transport = '', nextHop = '' }: FrameRecipient,
  receivedMs: number,
): NewRecipient => ({
  address,
  route: {
    kind: 'queued',
    transport,
    nextHop,
    dueMs: receivedMs,
    prefix: Buffer.from(prefix ?? '', 'base64'),
  },
})
