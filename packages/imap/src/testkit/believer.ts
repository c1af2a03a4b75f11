import assert from 'node:assert/strict'
import type { RawClient } from './imap-fixture.ts'

export interface Known {
  uid: number | undefined
  /** Sorted, without \Recent. */
  flags: string[] | undefined
  /** That was told with these flags. */
  modSeq: number | undefined
}

/** What is in the mailbox, in its order. */
export type Truth = readonly { readonly uid: number; readonly flags: readonly string[] }[]

export interface Believer {
  readonly name: string
  readonly raw: RawClient
  hear(line: string): void
  /** Sends a command and hears its answer; gives the tagged line. */
  say(command: string, allowed?: RegExp): Promise<string>
  /** Complains about whatever it believes and is not so. */
  compare(truth: Truth): void
  /** Of messages whose UID it knows. */
  knownUids(): readonly number[]
}

/** A client that believes what it is told, as RFC 9051 §7 says it may, and complains when that cannot be. */
export class NumberedBeliever implements Believer {
  readonly raw: RawClient
  readonly name: string
  messages: Known[] = []
  /** RFC 5465 §6.1.1: it asked to hear of expunges at once. */
  readonly hearsAtOnce: boolean

  constructor(name: string, raw: RawClient, expunges: 'by the rules' | 'at once' = 'by the rules') {
    this.name = name
    this.raw = raw
    this.hearsAtOnce = expunges === 'at once'
  }

  hear(line: string): void {
    let match: RegExpExecArray | null
    if ((match = /^\* (\d+) EXISTS$/.exec(line)) !== null) {
      const count = Number(match[1])
      assert.ok(count >= this.messages.length, `${this.name}: ${line} with ${this.messages.length} known`)
      while (this.messages.length < count)
        this.messages.push({ uid: undefined, flags: undefined, modSeq: undefined })
    } else if ((match = /^\* (\d+) EXPUNGE$/.exec(line)) !== null) {
      const number = Number(match[1])
      assert.ok(number >= 1 && number <= this.messages.length, `${this.name}: ${line}`)
      this.messages.splice(number - 1, 1)
    } else if ((match = /^\* VANISHED ([\d:,]+)$/.exec(line)) !== null) {
      for (const uid of numbersOf(match[1]!)) this.#vanished(line, uid)
    } else if ((match = /^\* (\d+) FETCH \((.*)\)$/.exec(line)) !== null)
      this.#fetched(line, Number(match[1]), match[2]!)
  }

  /** One whose UID was never heard is among those that follow the last smaller UID. */
  #vanished(line: string, gone: number): void {
    let at = this.messages.findIndex(({ uid }) => uid === gone)
    if (at < 0) {
      const before = this.messages.findLastIndex(({ uid }) => uid !== undefined && uid < gone)
      at = before + 1
      const unknown = this.messages[at] !== undefined && this.messages[at]!.uid === undefined
      assert.ok(unknown, `${this.name}: ${line}`)
    }
    this.messages.splice(at, 1)
  }

  #fetched(line: string, number: number, items: string): void {
    const known = this.messages[number - 1]
    assert.ok(known !== undefined, `${this.name}: ${line} with ${this.messages.length} known`)
    const { uid, flags, modSeq } = itemsOf(items)
    if (uid !== undefined) {
      if (known.uid !== undefined) assert.equal(uid, known.uid, `${this.name}: ${line}`)
      known.uid = uid
    }
    if (flags !== undefined) known.flags = flags
    if (flags !== undefined || modSeq !== undefined) known.modSeq = modSeq
  }

  async say(command: string, allowed = /^OK/): Promise<string> {
    const lines = await this.raw.command(command)
    const tagged = lines.pop()!
    assert.match(tagged, allowed, `${this.name}: ${command}`)
    const held = !this.hearsAtOnce && /^(FETCH|STORE|SEARCH|UID SEARCH \d)/.test(command)
    for (const line of lines) {
      assert.ok(
        !(held && /^\* (\d+ EXPUNGE|VANISHED)/.test(line)),
        `${this.name}: ${command}: ${line} (RFC 9051 §7.5.1)`,
      )
      this.hear(line)
    }
    return tagged
  }

  knownUids(): readonly number[] {
    return this.messages.flatMap(({ uid }) => uid ?? [])
  }

  compare(truth: Truth): void {
    assert.equal(this.messages.length, truth.length, `${this.name}: number of messages`)
    this.messages.forEach(({ uid, flags }, at) => {
      const is = truth[at]!
      if (uid !== undefined) assert.equal(uid, is.uid, `${this.name}: message ${at + 1}`)
      if (flags !== undefined) assert.deepEqual(flags, is.flags, `${this.name}: flags of UID ${is.uid}`)
    })
  }
}

/** Without message numbers: RFC 9586. */
export class UidBeliever implements Believer {
  readonly raw: RawClient
  readonly name: string
  readonly #flags = new Map<number, string[] | undefined>()
  #count = 0

  constructor(name: string, raw: RawClient) {
    this.name = name
    this.raw = raw
  }

  hear(line: string): void {
    assert.doesNotMatch(line, /^\* \d+ (FETCH|EXPUNGE)/, `${this.name}: RFC 9586 §3`)
    let match: RegExpExecArray | null
    if ((match = /^\* (\d+) EXISTS$/.exec(line)) !== null) {
      assert.ok(Number(match[1]) >= this.#count, `${this.name}: ${line} with ${this.#count} known`)
      this.#count = Number(match[1])
    } else if ((match = /^\* VANISHED ([\d:,]+)$/.exec(line)) !== null) {
      for (const uid of numbersOf(match[1]!)) {
        if (!this.#flags.delete(uid)) assert.ok(this.#flags.size < this.#count, `${this.name}: ${line}`)
        this.#count--
      }
    } else if ((match = /^\* (\d+) UIDFETCH \((.*)\)$/.exec(line)) !== null) {
      const uid = Number(match[1])
      const { flags } = itemsOf(match[2]!)
      this.#flags.set(uid, flags ?? this.#flags.get(uid))
      assert.ok(this.#flags.size <= this.#count, `${this.name}: ${line} with ${this.#count} messages`)
    }
  }

  async say(command: string, allowed = /^OK/): Promise<string> {
    const lines = await this.raw.command(command)
    const tagged = lines.pop()!
    assert.match(tagged, allowed, `${this.name}: ${command}`)
    for (const line of lines) this.hear(line)
    return tagged
  }

  knownUids(): readonly number[] {
    return [...this.#flags.keys()]
  }

  compare(truth: Truth): void {
    assert.equal(this.#count, truth.length, `${this.name}: number of messages`)
    const is = new Map(truth.map(({ uid, flags }) => [uid, flags]))
    for (const [uid, flags] of this.#flags) {
      assert.ok(is.has(uid), `${this.name}: UID ${uid} is gone`)
      if (flags !== undefined) assert.deepEqual(flags, is.get(uid), `${this.name}: flags of UID ${uid}`)
    }
  }
}

export function itemsOf(items: string): {
  readonly uid: number | undefined
  readonly flags: string[] | undefined
  readonly modSeq: number | undefined
} {
  const uid = /\bUID (\d+)/.exec(items)?.[1]
  const flags = /FLAGS \(([^)]*)\)/.exec(items)?.[1]
  const modSeq = /MODSEQ \((\d+)\)/.exec(items)?.[1]
  return {
    uid: uid === undefined ? undefined : Number(uid),
    flags: flags === undefined ? undefined : sortedFlags(flags),
    modSeq: modSeq === undefined ? undefined : Number(modSeq),
  }
}

export function numbersOf(set: string): number[] {
  return set.split(',').flatMap((range) => {
    const [from, to = from] = range.split(':').map(Number)
    return Array.from({ length: to! - from! + 1 }, (_, at) => from! + at)
  })
}

function sortedFlags(text: string): string[] {
  return text
    .split(' ')
    .filter((flag) => flag !== '' && flag !== '\\Recent')
    .sort()
}
