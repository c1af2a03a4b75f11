import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { Account, Maintenance, Store } from '../contract.ts'
import { openStore } from '../index.ts'
import { mailboxOf, makeAccount, readAll, sampleMessage } from './samples.ts'

interface Line {
  readonly ready?: true
  readonly begin?: 'add' | 'copy' | 'remove'
  readonly done?: 'add' | 'remove' | 'flag' | 'queue'
  readonly number: number
  readonly mailbox: number
  readonly uid: number
  readonly queueId: string
}

const sizeOf = (number: number): number => (number % 37 === 0 ? 1_500_000 : 300 + (number % 50) * 200)

/** Of additions and removals, on however slow a machine. */
const leastDone = 20

/** What was answered, kept outside the store: what must be there, what must not, what may. */
export class CrashLedger {
  readonly #directory: string
  readonly #present = new Map<string, number>()
  readonly #flagged = new Set<string>()
  readonly #queued = new Map<string, number>()
  readonly #removing = new Set<string>()
  /** Numbers of messages with an addition that nobody confirmed: how often. */
  readonly #begun = new Map<number, number>()
  #highestNumber = 0
  account: Account | undefined
  uidValidity = 0
  operations = 0

  constructor(directory: string) {
    this.#directory = directory
  }

  async create(): Promise<void> {
    const store = await openStore({ directory: this.#directory })
    this.account = await makeAccount(store)
    this.uidValidity = (await mailboxOf(store, this.account)).uidValidity
    await store.close()
  }

  /** Runs a worker and kills it so many ms after it is ready, and not before it has done something. */
  async runAndKill(afterMs: number): Promise<void> {
    const worker = new URL('./crash-worker.ts', import.meta.url).pathname
    const child = spawn(process.execPath, [worker, this.#directory, String(this.#highestNumber + 1)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    let isLate = false
    const killWhenDone = (): void => {
      const done = text.match(/"done":"(?:add|remove)"/g) ?? []
      if (isLate && done.length >= leastDone) child.kill('SIGKILL')
    }
    const becomeLate = (): void => {
      isLate = true
      killWhenDone()
    }
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (chunk: string) => {
      if (text === '' && chunk.includes('ready')) setTimeout(becomeLate, afterMs)
      text += chunk
      killWhenDone()
    })
    await new Promise((resolve) => child.once('close', resolve))
    for (const line of text.split('\n').slice(0, -1)) this.#read(JSON.parse(line) as Line)
  }

  #read(line: Line): void {
    const place = `${line.mailbox}:${line.uid}`
    if (line.begin === 'add' || line.begin === 'copy') {
      this.#highestNumber = Math.max(this.#highestNumber, line.number)
      this.#begun.set(line.number, (this.#begun.get(line.number) ?? 0) + 1)
    } else if (line.begin === 'remove') this.#removing.add(place)
    else if (line.done === 'add') {
      this.operations++
      this.#present.set(place, line.number)
      this.#begun.set(line.number, (this.#begun.get(line.number) ?? 0) - 1)
    } else if (line.done === 'remove') {
      this.operations++
      this.#present.delete(place)
      this.#removing.delete(place)
    } else if (line.done === 'flag') this.#flagged.add(place)
    else if (line.done === 'queue') this.#queued.set(line.queueId, line.number)
  }

  /** Every acknowledged message is there, once; no unacknowledged half; counters right. */
  async verify(store: Store & Maintenance): Promise<void> {
    assert.deepEqual((await store.check()).problems, [])
    const account = this.account as Account
    const found = new Map<string, Buffer>()
    for (const name of ['INBOX', 'Archive']) {
      const mailbox = await mailboxOf(store, account, name)
      if (name === 'INBOX') assert.equal(mailbox.uidValidity, this.uidValidity)
      for (const [uid, bytes] of await readAll(store, mailbox.id)) {
        assert.ok(uid < mailbox.uidNext)
        found.set(`${mailbox.id}:${uid}`, bytes)
      }
      await this.#verifyFlags(store, mailbox.id)
    }
    for (const [place, number] of this.#present) {
      const bytes = found.get(place)
      if (bytes === undefined) assert.ok(this.#removing.has(place), `message ${number} at ${place} is lost`)
      else
        assert.ok(
          bytes.equals(sampleMessage(number, sizeOf(number))),
          `message ${number} at ${place} is another`,
        )
      if (bytes === undefined) this.#present.delete(place)
      found.delete(place)
    }
    for (const [place, bytes] of found) {
      const number = Number(/Subject: message (\d+)/.exec(bytes.toString('latin1', 0, 200))?.[1])
      assert.ok(
        (this.#begun.get(number) ?? 0) > 0,
        `message ${number} at ${place} was never begun, or is twice`,
      )
      assert.ok(bytes.equals(sampleMessage(number, sizeOf(number))), `message ${number} at ${place} is half`)
      this.#present.set(place, number)
    }
    for (const [queueId, number] of this.#queued) {
      const bytes = await store.queue.read(queueId as never)
      assert.ok(
        bytes && sampleMessage(number, sizeOf(number)).equals(bytes),
        `queued message ${number} is lost`,
      )
    }
    this.#removing.clear()
    this.#begun.clear()
  }

  async #verifyFlags(store: Store, mailbox: never | number): Promise<void> {
    const { uids } = await store.messages.view(mailbox as never)
    for await (const batch of store.messages.fetch(mailbox as never, uids, {})) {
      batch.uids.forEach((uid, index) => {
        const place = `${mailbox}:${uid}`
        if (this.#flagged.has(place))
          assert.ok((batch.flags0[index] as number) & 4, `flag of ${place} is lost`)
      })
    }
  }

  async round(afterMs: number): Promise<void> {
    await this.runAndKill(afterMs)
    const store = await openStore({ directory: this.#directory })
    try {
      await this.verify(store)
    } finally {
      await store.close()
    }
  }
}
