/**
 * What every user of the machine may ask of the running server, over DATA/public/public.sock (mode 666): one
 * line of JSON each way. Who asks is known only where a parameter makes a difference between users.
 *
 *   {"cmd":"up"}                             → {"ok":true}
 *   {"cmd":"who"}                            → {"ok":true,"folder":"/…/maildrop/id-…"}: make that folder, then ask
 *                                              again with "proof":"id-…": its owner is who asks
 *   {"cmd":"mailq","after":"…"}              → {"ok":true,"entries":[…]}, a page; an empty one ends the queue
 *   {"cmd":"flush"|"flush","queueId":"…"}    → {"ok":true}
 *   {"cmd":"flushSite","site":"…"}           → {"ok":true}
 *   {"cmd":"pickup"}                         → {"ok":true}: there is mail in the maildrop
 */
import { randomBytes } from 'node:crypto'
import { lstatSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { type LocalServer, serveLocalSocket } from '@posthorn/net/local-socket'
import type { QueuedRecipient, QueueEntry, QueueId } from '@posthorn/storage'

/** A queue entry with no more than a listing shows. */
export interface ListedEntry
  extends Pick<QueueEntry, 'queueId' | 'arrivedMs' | 'sizeBytes' | 'sender' | 'hold' | 'forcedExpiry'> {
  readonly recipients: readonly ListedRecipient[]
  /** A file that the server has not taken yet. */
  readonly isInMaildrop?: true
}
export type ListedRecipient = Pick<QueuedRecipient, 'address' | 'state' | 'attempts'> & {
  readonly last?: { readonly diagnostic: string }
}

/** What of an entry may be shown to everybody. */
export const listedEntry = (entry: QueueEntry): ListedEntry => ({
  queueId: entry.queueId,
  arrivedMs: entry.arrivedMs,
  sizeBytes: entry.sizeBytes,
  sender: entry.sender,
  hold: entry.hold,
  ...(entry.forcedExpiry === true ? { forcedExpiry: true } : {}),
  recipients: entry.recipients.map(({ address, state, attempts, last }) => ({
    address,
    state,
    attempts,
    ...(last === undefined ? {} : { last: { diagnostic: last.diagnostic } }),
  })),
})

export type PublicQuestionKind = 'mailq' | 'flush'

export interface PublicActions {
  /** 'everybody', or who is asked for: then the asker has to show who it is. */
  admits(kind: PublicQuestionKind): 'everybody' | ((uid: number) => boolean)
  list(after: QueueId | undefined): Promise<readonly ListedEntry[]>
  /** What is in the maildrop: not taken yet. */
  waiting(): Promise<readonly ListedEntry[]>
  flush(what: { readonly queueId?: QueueId; readonly nextHop?: string }): Promise<void>
  /** The next hop of a site that may be flushed by name; undefined: not one of fast_flush_domains. */
  flushable(site: string): Promise<string | undefined>
  pickup(): void
}

interface Question {
  readonly cmd?: unknown
  readonly after?: unknown
  readonly queueId?: unknown
  readonly site?: unknown
  readonly proof?: unknown
}

const proofMs = 30_000
const maxProofs = 256
const proofPattern = /^id-[0-9a-f]{32}$/

/** Nonces given out, and when. */
class Proofs {
  readonly #given = new Map<string, number>()

  give(nowMs: number): string {
    for (const [proof, atMs] of this.#given)
      if (nowMs - atMs > proofMs || this.#given.size > maxProofs) this.#given.delete(proof)
    const proof = `id-${randomBytes(16).toString('hex')}`
    this.#given.set(proof, nowMs)
    return proof
  }

  /**
   * The owner of the folder made for a nonce. A folder cannot be hard-linked, and one that was renamed to this
   * name is older than the nonce.
   */
  uidOf(proof: string, maildrop: string, nowMs: number): number | undefined {
    const givenMs = this.#given.get(proof)
    if (!proofPattern.test(proof) || givenMs === undefined || nowMs - givenMs > proofMs) return undefined
    const stats = lstatSync(join(maildrop, proof), { throwIfNoEntry: false })
    // A file system that keeps no birth time gives 0 or the time of the last change.
    if (stats === undefined || !stats.isDirectory() || stats.birthtimeMs < givenMs - 2_000) return undefined
    return stats.uid
  }

  forget(proof: string, maildrop: string): void {
    this.#given.delete(proof)
    try {
      rmdirSync(join(maildrop, proof))
    } catch {
      // Its owner has removed it, or put something into it: nothing here depends on it.
    }
  }
}

export async function servePublic(
  path: string,
  maildrop: string,
  actions: PublicActions,
): Promise<LocalServer> {
  const proofs = new Proofs()
  return await serveLocalSocket(
    path,
    async (question) => {
      try {
        return await answer((question ?? {}) as Question, { actions, proofs, maildrop })
      } catch (error) {
        return { ok: false, error: error instanceof Error ? error.message : String(error) }
      }
    },
    'everybody',
  )
}

interface Context {
  readonly actions: PublicActions
  readonly proofs: Proofs
  readonly maildrop: string
}

function mayAsk(kind: PublicQuestionKind, question: Question, context: Context): boolean {
  const admitted = context.actions.admits(kind)
  if (admitted === 'everybody') return true
  const proof = typeof question.proof === 'string' ? question.proof : ''
  const uid = context.proofs.uidOf(proof, context.maildrop, Date.now())
  return uid !== undefined && admitted(uid)
}

async function answer(question: Question, context: Context): Promise<unknown> {
  const { actions, proofs, maildrop } = context
  const denied = { ok: false, denied: true }
  switch (question.cmd) {
    case 'up':
      return { ok: true }
    case 'who': {
      const proof = proofs.give(Date.now())
      return { ok: true, proof, folder: join(maildrop, proof) }
    }
    case 'done':
      if (typeof question.proof === 'string') proofs.forget(question.proof, maildrop)
      return { ok: true }
    case 'mailq':
      if (!mayAsk('mailq', question, context)) return denied
      return {
        ok: true,
        entries: await actions.list(queueIdOf(question.after)),
        ...(question.after === undefined ? { waiting: await actions.waiting() } : {}),
      }
    case 'flush': {
      if (!mayAsk('flush', question, context)) return denied
      const queueId = queueIdOf(question.queueId)
      await actions.flush(queueId === undefined ? {} : { queueId })
      return { ok: true }
    }
    case 'flushSite': {
      if (!mayAsk('flush', question, context)) return denied
      const nextHop = typeof question.site === 'string' ? await actions.flushable(question.site) : undefined
      if (nextHop === undefined) return { ok: false, error: 'not flushable' }
      await actions.flush({ nextHop })
      return { ok: true }
    }
    case 'pickup':
      actions.pickup()
      return { ok: true }
    default:
      return { ok: false, error: `unknown command ${JSON.stringify(question.cmd)?.slice(0, 100)}` }
  }
}

const queueIdOf = (value: unknown): QueueId | undefined =>
  typeof value === 'string' && /^[0-9A-Za-z]{1,64}$/.test(value) ? (value as QueueId) : undefined
