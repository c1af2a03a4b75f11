import type { MailboxId, ModSeq, Wake, WakeBus } from './contract.ts'
import type { GroupParticipant } from './kv/group-commit.ts'
import type { Unit } from './kv/unit.ts'
import type { Report } from './report.ts'

type MailboxListener = (modSeq: ModSeq) => void

/** Tells this process and the others what changed, after it is committed. */
export class Watchers implements GroupParticipant {
  readonly #listeners = new Set<(wake: Wake) => void>()
  readonly #mailboxes = new Map<MailboxId, Set<MailboxListener>>()
  readonly #bus: WakeBus | undefined
  readonly #leaveBus: () => void

  readonly #report: Report

  constructor(bus: WakeBus | undefined, report: Report) {
    this.#report = report
    this.#bus = bus
    this.#leaveBus = bus?.subscribe((wake) => this.#tell(wake)) ?? (() => {})
  }

  watch(listener: (wake: Wake) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  watchMailbox(mailbox: MailboxId, listener: MailboxListener): () => void {
    const listeners = this.#mailboxes.get(mailbox) ?? new Set()
    // One function may watch twice; each registration ends by itself.
    const own: MailboxListener = (modSeq) => listener(modSeq)
    this.#mailboxes.set(mailbox, listeners.add(own))
    return () => {
      listeners.delete(own)
      if (listeners.size === 0 && this.#mailboxes.get(mailbox) === listeners) this.#mailboxes.delete(mailbox)
    }
  }

  close(): void {
    this.#leaveBus()
    this.#listeners.clear()
    this.#mailboxes.clear()
  }

  beforeGroup(): void {}

  async syncGroup(): Promise<void> {}

  insideGroup(): void {}

  afterGroup(units: readonly Unit[]): void {
    const merged = new Map<string, Wake>()
    for (const unit of units) {
      for (const wake of unit.wakes) merged.set(keyOf(wake), wake)
    }
    for (const wake of merged.values()) {
      this.#tell(wake)
      this.#call(() => this.#bus?.publish(wake))
    }
  }

  #tell(wake: Wake): void {
    for (const listener of this.#listeners) this.#call(() => listener(wake))
    if (wake.kind !== 'mailbox') return
    for (const listener of this.#mailboxes.get(wake.mailbox) ?? []) this.#call(() => listener(wake.modSeq))
  }

  /** A listener's failure is its own: the unit is committed, and the others are told. */
  #call(listener: () => void): void {
    try {
      listener()
    } catch (error) {
      this.#report(error)
    }
  }
}

const keyOf = (wake: Wake): string => {
  if (wake.kind === 'mailbox') return `mailbox ${wake.mailbox}`
  if (wake.kind === 'mailboxes') return `mailboxes ${wake.account}`
  if (wake.kind === 'annotations') return JSON.stringify(wake)
  if (wake.kind === 'accounts') return `accounts ${wake.account ?? ''}`
  return wake.kind === 'queue' && wake.flushed !== undefined ? `flushed ${wake.flushed}` : wake.kind
}
