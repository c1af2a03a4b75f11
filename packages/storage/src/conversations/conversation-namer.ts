import { setImmediate as nextTurn } from 'node:timers/promises'
import { messageIdentifiers, octetsOf, SummaryReader } from '@posthorn/mail'
import { type FetchWant, type MailboxId, type MessageBatch, StoreError } from '../contract.ts'
import { type Engine, snapshotOf } from '../engine.ts'
import type { Unit } from '../kv/unit.ts'
import { mailboxIds } from '../mailboxes/mailbox-ids.ts'
import { fetchBatches } from '../messages/fetch.ts'
import { chunkRows, decodeChunk } from '../rows/chunk.ts'
import { nameIdentifier, nameMessage, readConversation, readIdentifier } from '../rows/conversation-row.ts'
import { readMailboxFacts, readMailboxState } from '../rows/mailbox-row.ts'
import { hasMessageRow } from '../rows/message-row.ts'
import { conversationNames, type UnnamedMessage } from './conversation-names.ts'

/** Looked through before others get their turn. */
const uidsInTurn = 2_048
/** Named together. */
const messagesAtOnce = 500
const rowsInUnit = 250
const maxRemembered = 50_000

/**
 * Gives the conversations of an account their names when somebody asks for them, all mailboxes together: mail of those
 * who never ask costs nothing. RFC 8474 §5.2.
 */
export class ConversationNamer {
  readonly #engine: Engine
  /** By mailbox: messages below this UID have names. */
  readonly #namedBelow = new Map<number, number>()
  readonly #passes = new Map<number, Promise<void>>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** As `fetchBatches`, with `conversations`. */
  async *fetch(mailbox: MailboxId, uids: Uint32Array, want: FetchWant): AsyncGenerator<MessageBatch> {
    await this.nameAll(mailbox)
    for await (const batch of fetchBatches(this.#engine, mailbox, uids, { ...want, facts: true })) {
      const snapshot = snapshotOf(this.#engine)
      const { messageIds } = batch.facts!
      yield { ...batch, conversations: Array.from(messageIds, (id) => readConversation(snapshot, id)) }
    }
  }

  /** Every message that is now in a mailbox of the account which this one belongs to. */
  async nameAll(mailbox: MailboxId): Promise<void> {
    const account = readMailboxFacts(snapshotOf(this.#engine), mailbox)?.account
    if (account === undefined) return
    const former = this.#passes.get(account) ?? Promise.resolve()
    const pass = former.then(
      () => this.#name(account),
      () => this.#name(account),
    )
    this.#passes.set(account, pass)
    try {
      await pass
    } finally {
      if (this.#passes.get(account) === pass) this.#passes.delete(account)
    }
  }

  async #name(account: number): Promise<void> {
    const found = new Map<number, UnnamedMessage>()
    const seen = new Map<number, number>()
    for (const mailbox of mailboxIds(snapshotOf(this.#engine), account)) {
      const state = readMailboxState(snapshotOf(this.#engine), mailbox)
      const from = this.#namedBelow.get(mailbox) ?? 0
      if (state === undefined || state.uidNext <= from) continue
      seen.set(mailbox, state.uidNext)
      const unnamed = await this.#unnamed(mailbox, from, state.uidNext)
      await this.#read(mailbox as MailboxId, unnamed, found)
    }
    const messages = [...found.values()].sort((a, b) => a.messageId - b.messageId)
    for (let at = 0; at < messages.length; at += messagesAtOnce)
      await this.#keep(account, messages.slice(at, at + messagesAtOnce))
    if (this.#namedBelow.size > maxRemembered) this.#namedBelow.clear()
    for (const [mailbox, uidNext] of seen) this.#namedBelow.set(mailbox, uidNext)
  }

  async #unnamed(mailbox: number, fromUid: number, uidNext: number): Promise<Uint32Array> {
    const uids: number[] = []
    for (let from = fromUid; from < uidNext; from += uidsInTurn) {
      const snapshot = snapshotOf(this.#engine)
      const last = Math.min(from + uidsInTurn, uidNext) - 1
      for (const { chunk, bytes } of chunkRows(snapshot, mailbox, from, last))
        for (const { uid, messageId } of decodeChunk(chunk, bytes))
          if (uid >= from && uid <= last && readConversation(snapshot, messageId) === undefined)
            uids.push(uid)
      await nextTurn()
    }
    return Uint32Array.from(uids)
  }

  /** What is damaged, or gone meanwhile, gets no name. */
  async #read(mailbox: MailboxId, uids: Uint32Array, found: Map<number, UnnamedMessage>): Promise<void> {
    if (uids.length === 0) return
    const incomplete: number[] = []
    const take = (batch: MessageBatch): void => {
      for (const [at, uid] of batch.uids.entries()) {
        const messageId = batch.facts!.messageIds[at]!
        const ids = identifiersAt(batch, at)
        if (ids === undefined) incomplete.push(uid)
        else found.set(messageId, { messageId, ...ids })
      }
    }
    try {
      const want = { facts: true, summary: true } as const
      for await (const batch of fetchBatches(this.#engine, mailbox, uids, want)) take(batch)
      const withHeader = { ...want, bytes: 'header' } as const
      const rest = Uint32Array.from(incomplete)
      for await (const batch of fetchBatches(this.#engine, mailbox, rest, withHeader)) take(batch)
    } catch (error) {
      if (!(error instanceof StoreError) || !/^(corrupt|no-such-mailbox)$/.test(error.kind)) throw error
    }
  }

  async #keep(account: number, messages: readonly UnnamedMessage[]): Promise<void> {
    const snapshot = snapshotOf(this.#engine)
    const names = conversationNames(messages, (identifier) => readIdentifier(snapshot, account, identifier))
    // Identifiers first: a name that was told, and is not known for later answers, would part a conversation.
    const identifiers = [...names.identifiers].map(([identifier, name]) => (unit: Unit) => {
      nameIdentifier(unit, account, identifier, name)
    })
    const named = messages.map(({ messageId }, row) => (unit: Unit) => {
      if (hasMessageRow(unit, messageId)) nameMessage(unit, messageId, names.messages[row]!)
    })
    const writes = [...identifiers, ...named]
    const units: Promise<void>[] = []
    for (let at = 0; at < writes.length; at += rowsInUnit)
      units.push(
        this.#engine.commit.run((unit) => {
          for (const write of writes.slice(at, at + rowsInUnit)) write(unit)
        }),
      )
    await Promise.all(units)
  }
}

const reader = new SummaryReader()

/** undefined: the references stand in the header only, which the batch has not. */
const identifiersAt = ({ summaries, bytes }: MessageBatch, at: number) => {
  reader.open(summaries![at]!)
  return messageIdentifiers(reader, bytes && octetsOf(bytes[at]!))
}
