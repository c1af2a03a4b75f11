import { StoreError } from '../contract.ts'
import type { Environment } from '../kv/environment.ts'
import type { GroupCommit } from '../kv/group-commit.ts'
import { Snapshot, type Unit } from '../kv/unit.ts'
import { type QueueWork, queueWorkRows, readQueueWork, writeQueueWork } from '../rows/queue-work-row.ts'
import { readRenaming, renamingRows, writeRenaming } from '../rows/renaming-row.ts'
import { readUnfinished, removedAccounts, unfinishedRows, writeUnfinished } from '../rows/unfinished-row.ts'
import { clearStep } from './clear-mailbox.ts'
import { queueStep } from './queue-in-steps.ts'
import { removeAccountStep } from './remove-account.ts'
import { giveUpStaging } from './staging-area.ts'

export interface UnfinishedParts {
  readonly environment: Environment
  readonly commit: GroupCommit
  /** Token of this process. */
  readonly self: number
  readonly isLiving: (token: number) => boolean
  readonly stepMessages: number
  /** One step of RENAME INBOX into this mailbox. */
  readonly fill: (unit: Unit, mailbox: number) => 'more' | 'done'
  /** One step of RENAME of a mailbox of this account with many others below it. */
  readonly rename: (unit: Unit, account: number) => 'more' | 'done'
  readonly report: (error: unknown) => void
}

/** Between two steps of the background: others have work that somebody waits for. */
const pauseMs = 2

/**
 * Work that is too much for one unit goes on in small steps: messages of removed mailboxes, copies that were given up,
 * queued messages with very many recipients, and what processes left that are gone. Rows of the index say what there
 * is to do.
 */
export class UnfinishedWork {
  readonly #parts: UnfinishedParts
  readonly #toClear = new Set<number>()
  readonly #accounts = new Set<number>()
  readonly #toFill = new Set<number>()
  readonly #toRename = new Set<number>()
  /** Accounts with a renaming that somebody waits for. */
  readonly #awaited = new Set<number>()
  /** Queue ids with work to be done. */
  readonly #queue = new Set<string>()
  /** Queue ids of messages that are being accepted. */
  readonly #accepting = new Set<string>()
  #running: Promise<void> | undefined
  #stopped = false

  constructor(parts: UnfinishedParts) {
    this.#parts = parts
  }

  /** Its messages go in the background. */
  clear(mailbox: number): void {
    this.#toClear.add(mailbox)
    this.#start()
  }

  removeAccount(account: number): void {
    this.#accounts.add(account)
    this.#start()
  }

  /** Resolves when the mailbox has everything. */
  async fill(mailbox: number): Promise<void> {
    const { commit, fill } = this.#parts
    while ((await commit.run((unit) => fill(unit, mailbox))) === 'more');
  }

  /** Resolves when all names below the mailbox have followed. */
  async rename(account: number): Promise<void> {
    const { commit, rename } = this.#parts
    this.#awaited.add(account)
    try {
      while ((await commit.runPart((unit) => rename(unit, account), 'uses')) === 'more');
      // What the client is told of is on disk.
      await commit.run(() => {})
    } finally {
      this.#awaited.delete(account)
    }
  }

  /** Resolves when all recipients of a queued message are where its entry says. */
  async order(queueId: string): Promise<void> {
    const { commit, self } = this.#parts
    while ((await commit.runPart((unit) => queueStep(unit, queueId, self), 'uses')) === 'more');
    // What the administrator is told of is on disk.
    await commit.run(() => {})
  }

  /** What `accept` leaves goes on in the background: of one that fails everything goes. Throws 'in-use'. */
  async accepting<T>(queueId: string, accept: () => Promise<T>): Promise<T> {
    if (this.#accepting.has(queueId))
      throw new StoreError('in-use', `Cannot accept: queue id ${queueId} is being accepted`)
    this.#accepting.add(queueId)
    try {
      return await accept()
    } finally {
      this.#accepting.delete(queueId)
      this.#queue.add(queueId)
      this.#start()
    }
  }

  /** What is noted in the index and in nobody's hands. */
  async takeUp(): Promise<void> {
    const { environment, commit, self, isLiving } = this.#parts
    const snapshot = new Snapshot(environment)
    const left: number[] = []
    for (const { mailbox, work } of unfinishedRows(snapshot)) {
      if (work.kind === 'clearing') this.#toClear.add(mailbox)
      else if (work.owner !== self && !isLiving(work.owner)) left.push(mailbox)
    }
    for (const account of removedAccounts(snapshot)) this.#accounts.add(account)
    for (const mailbox of left) {
      const kind = await commit.runFreeing((unit) => this.#takeOver(unit, mailbox))
      if (kind === 'filling') this.#toFill.add(mailbox)
      else this.#toClear.add(mailbox)
    }
    const queued = [...queueWorkRows(snapshot)]
    await this.#takeUpNames(snapshot)
    for (const { queueId, work } of queued) await this.#takeUpQueued(queueId, work)
    this.#start()
  }

  async #takeUpQueued(queueId: string, work: QueueWork): Promise<void> {
    const { commit, self, isLiving } = this.#parts
    if (work.kind === 'accepting') {
      if (work.owner === self ? this.#accepting.has(queueId) : isLiving(work.owner)) return
      await commit.runFreeing((unit) => {
        const present = readQueueWork(unit, queueId)
        if (present?.kind === 'accepting' && present.owner === work.owner)
          writeQueueWork(unit, queueId, { ...present, owner: self })
      })
    }
    this.#queue.add(queueId)
  }

  async #takeUpNames(snapshot: Snapshot): Promise<void> {
    const { commit, self, isLiving } = this.#parts
    const left: number[] = []
    for (const { account, renaming } of renamingRows(snapshot)) {
      // A fault ended it: nobody waits any more.
      if (renaming.owner === self && !this.#awaited.has(account)) this.#toRename.add(account)
      else if (renaming.owner !== self && !isLiving(renaming.owner)) left.push(account)
    }
    for (const account of left) {
      await commit.runFreeing((unit) => {
        const renaming = readRenaming(unit, account)
        if (renaming !== undefined) writeRenaming(unit, account, { ...renaming, owner: self })
      })
      this.#toRename.add(account)
    }
  }

  #takeOver(unit: Unit, mailbox: number): 'filling' | 'clearing' {
    const work = readUnfinished(unit, mailbox)
    if (work?.kind === 'filling') {
      writeUnfinished(unit, mailbox, { ...work, owner: this.#parts.self })
      return 'filling'
    }
    if (work?.kind === 'staging') giveUpStaging(unit, mailbox)
    return 'clearing'
  }

  /** Everything that is known is done, or has failed for now. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** Waits for the step under way. The rest is done after the next opening. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.idle()
  }

  get #waiting(): readonly Set<unknown>[] {
    return [this.#toClear, this.#accounts, this.#toFill, this.#toRename, this.#queue]
  }

  #start(): void {
    const isAny = this.#waiting.some(({ size }) => size > 0)
    if (this.#stopped || !isAny) return
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined
      this.#start()
    })
  }

  async #work(): Promise<void> {
    const { commit, report, fill, rename, self, stepMessages } = this.#parts
    try {
      await this.#each(this.#queue, (queueId) =>
        commit.runPart((unit) => queueStep(unit, queueId, self), 'frees'),
      )
      await this.#each(this.#accounts, async (account) => {
        const { state, toClear } = await commit.runFreeing((unit) =>
          removeAccountStep(unit, account, stepMessages),
        )
        for (const mailbox of toClear) this.#toClear.add(mailbox)
        return state
      })
      await this.#each(this.#toClear, (mailbox) =>
        commit.runFreeing((unit) => clearStep(unit, mailbox, stepMessages)),
      )
      await this.#each(this.#toRename, (account) => commit.run((unit) => rename(unit, account)))
      await this.#each(this.#toFill, (mailbox) => commit.run((unit) => fill(unit, mailbox)))
    } catch (error) {
      // It is noted, and taken up again later.
      for (const waiting of this.#waiting) waiting.clear()
      if (!this.#stopped) report(error)
    }
  }

  async #each<T>(waiting: Set<T>, step: (each: T) => Promise<'more' | 'done'>): Promise<void> {
    for (const each of waiting) {
      while (!this.#stopped && (await step(each)) === 'more')
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      if (this.#stopped) return
      waiting.delete(each)
    }
  }
}
