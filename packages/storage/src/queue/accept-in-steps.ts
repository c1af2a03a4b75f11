import {
  type Acceptance,
  type AcceptedRecipient,
  type NewRecipient,
  type QueueId,
  StoreError,
} from '../contract.ts'
import type { Engine } from '../engine.ts'
import type { Unit } from '../kv/unit.ts'
import { placeWith } from '../messages/placing.ts'
import { referToBlob } from '../rows/blob-row.ts'
import { createEntry, readEntry, type StoredRecipient, writeNewRecipient } from '../rows/queue-row.ts'
import { readQueueWork, writeQueueWork } from '../rows/queue-work-row.ts'
import { queueStep, stepRecipients } from '../steps/queue-in-steps.ts'
import { enteredOf, queuedForMailbox, stagedOf, storedRoute, tryMailbox } from './accept.ts'
import { removeManyIn } from './change-many.ts'

/** A message with more recipients is accepted in several units. */
const mostAtOnce = 500
/** Mailboxes that have such a message when it is accepted; the others get it by the queue. */
const mostMailboxes = 250
/** So many may share one commit: between two of them stands a turn of everybody else's work, and the client waits for it. */
const partsAtOnce = 4

interface Numbered {
  readonly index: number
  readonly recipient: NewRecipient
}

interface Waiting {
  readonly index: number
  readonly recipient: StoredRecipient
}

export const isLarge = ({ entry }: Acceptance): boolean => entry.recipients.length > mostAtOnce

/**
 * Accepts a message with very many recipients: they are written in several units, and the last one makes the entry,
 * without which nobody sees them. They come among the due afterwards: whoever accepted it need not wait for that.
 */
export const acceptInSteps = (
  engine: Engine,
  acceptance: Acceptance,
): Promise<readonly AcceptedRecipient[]> => {
  const { queueId } = acceptance.entry
  return engine.unfinished.accepting(queueId, () =>
    placeWith(engine, [stagedOf(engine, acceptance)], async (enter) => {
      const { mailboxes, waiting } = shared(engine, acceptance)
      let blobId = 0
      await engine.commit.runPart((unit) => {
        refuseKnown(unit, queueId)
        blobId = enter(unit)[0] as number
        referToBlob(unit, blobId, 1)
        writeQueueWork(unit, queueId, { kind: 'accepting', owner: engine.self.token, blobId })
      }, 'uses')
      for (let at = 0; at < waiting.length; at += partsAtOnce * stepRecipients)
        await writeParts(engine, queueId, waiting.slice(at, at + partsAtOnce * stepRecipients))
      return await engine.commit
        .run((unit) => {
          refuseTakenBack(engine, unit, queueId)
          return makeEntry(engine, unit, acceptance, blobId, mailboxes)
        })
        .catch(async (error: unknown) => {
          await removeUntold(engine, queueId).catch(() => {})
          throw error
        })
    }),
  )
}

const writeParts = async (engine: Engine, queueId: string, waiting: readonly Waiting[]): Promise<void> => {
  const parts: Promise<void>[] = []
  for (let at = 0; at < waiting.length; at += stepRecipients)
    parts.push(
      engine.commit.runPart((unit) => {
        refuseTakenBack(engine, unit, queueId)
        write(unit, queueId, waiting.slice(at, at + stepRecipients))
      }, 'uses'),
    )
  // What was written of one that fails is taken back when nothing of it is under way.
  for (const part of await Promise.allSettled(parts)) if (part.status === 'rejected') throw part.reason
}

/** On a disk that fails the index may say more than what anybody was told. */
const removeUntold = async (engine: Engine, queueId: QueueId): Promise<void> => {
  for (let left: readonly QueueId[] = [queueId]; left.length > 0; ) {
    const ids = left
    left = (await engine.commit.runFreeing((unit) => removeManyIn(unit, ids))).left
  }
}

const refuseKnown = (unit: Unit, queueId: string): void => {
  if (readEntry(unit, queueId) !== undefined || readQueueWork(unit, queueId) !== undefined)
    throw new StoreError('in-use', `Cannot accept: queue id ${queueId} is in use`)
}

/** Whoever has taken it over is removing what was written. */
const refuseTakenBack = ({ self }: Engine, unit: Unit, queueId: string): void => {
  const work = readQueueWork(unit, queueId)
  if (work?.kind !== 'accepting' || work.owner !== self.token)
    throw new StoreError('no-space', `Cannot accept: what was written of ${queueId} is gone`)
}

const write = (unit: Unit, queueId: string, waiting: readonly Waiting[]): void => {
  for (const { index, recipient } of waiting) writeNewRecipient(unit, queueId, index, recipient)
}

/** Who gets it with the last unit, and who waits in the queue. */
const shared = (engine: Engine, { entry }: Acceptance): { mailboxes: Numbered[]; waiting: Waiting[] } => {
  const mailboxes: Numbered[] = []
  const waiting: Waiting[] = []
  entry.recipients.forEach((recipient, index) => {
    const { route } = recipient
    if (route.kind === 'queued') waiting.push({ index, recipient: storedRoute(recipient, route) })
    else if (entry.hold === true || mailboxes.length >= mostMailboxes)
      waiting.push({
        index,
        recipient: queuedForMailbox(recipient, entry.hold ? entry.arrivedMs : engine.now()),
      })
    else mailboxes.push({ index, recipient })
  })
  return { mailboxes, waiting }
}

const makeEntry = (
  engine: Engine,
  unit: Unit,
  { message, entry }: Acceptance,
  blobId: number,
  mailboxes: readonly Numbered[],
): AcceptedRecipient[] => {
  const { queueId } = entry
  const accepted = entry.recipients.map(({ address }): AcceptedRecipient => ({ address, outcome: 'queued' }))
  const { sizeBytes, missingOctets } = message
  const blob = { id: blobId, sizeBytes, receivedMs: entry.arrivedMs, missingOctets }
  const full: Waiting[] = []
  let placed = 0
  for (const { index, recipient } of mailboxes) {
    const tried = tryMailbox(engine, unit, blob, recipient)
    accepted[index] = tried.accepted
    if (tried.waiting === undefined) placed++
    else full.push({ index, recipient: tried.waiting })
  }
  write(unit, queueId, full)
  createEntry(unit, enteredOf({ message, entry }, blobId))
  if (placed > 0) referToBlob(unit, blobId, placed)
  writeQueueWork(unit, queueId, { kind: 'ordering', from: 0 })
  // The first of them need not wait for the background.
  queueStep(unit, queueId, engine.self.token)
  return accepted
}
